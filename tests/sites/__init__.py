"""Sites that extend a bundled template: only what differs is written here, the template is pinned when a test runs."""
