"""Translations as written become one flat map, each text with its place."""

from engine.definition.locales import check_locale, parse_locale, spell_out
from engine.definition.yaml_reader import parse_yaml

WRITTEN = """\
locale: en
entities:
  quote:
    label: Quote
    fields:
      total: Total
      items: {label: Lines, fields: {qty: Quantity}}
reports:
  quote: {figures: {amount: {label: Amount, help: Tax included}, count: Quotes}}
"""


def test_nested_texts_become_dotted_paths_and_a_field_by_itself_is_its_label() -> None:
    texts, places = parse_locale(parse_yaml(WRITTEN, "locales/en.yaml"))
    assert texts == {
        "entities.quote.label": "Quote",
        "entities.quote.fields.total.label": "Total",
        "entities.quote.fields.items.label": "Lines",
        "entities.quote.fields.items.fields.qty.label": "Quantity",
        "reports.quote.figures.amount.label": "Amount",
        "reports.quote.figures.amount.help": "Tax included",
        "reports.quote.figures.count": "Quotes",
    }
    assert places.keys() == texts.keys()
    assert (places["entities.quote.label"].file, places["entities.quote.label"].line) == ("locales/en.yaml", 4)


def test_spelling_a_file_out_changes_none_of_its_texts() -> None:
    document = parse_yaml(WRITTEN, "locales/en.yaml")
    spelt = spell_out(document)
    assert spelt.data["entities"]["quote"]["fields"]["total"] == {"label": "Total"}
    assert parse_locale(spelt)[0] == parse_locale(document)[0]


def test_a_file_is_named_after_its_language() -> None:
    assert list(check_locale(parse_yaml("locale: en\n", "locales/en.yaml"))) == []
    assert [one.code for one in check_locale(parse_yaml("locale: en\n", "locales/fr.yaml"))] == ["D202"]
