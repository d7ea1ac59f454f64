"""Steps of people over a record: a pure core decides, its events are kept, the state is their fold."""
