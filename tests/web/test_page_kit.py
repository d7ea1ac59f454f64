"""What page templates call: icons are drawings beside words, or read aloud by a label that is text."""

from jinja2 import Environment

from web.page_kit import install_page_kit


def draw(call: str) -> str:
    env = Environment(autoescape=True)
    install_page_kit(env, lambda: "zh", "/here")
    return env.from_string("{{ " + call + " }}").render(evil='"><b>')


def test_an_icon_is_hidden_from_readers_unless_it_has_a_label_which_is_text() -> None:
    plain, named = draw("icon('lock')"), draw("icon('lock', evil)")
    assert plain.startswith('<svg class="icon" aria-hidden="true"><use href="/here/dist/icons')
    assert named.startswith('<svg class="icon" role="img" aria-label="&#34;&gt;&lt;b&gt;"><use href="/here/dist/icons')
    assert plain.endswith('#lock"></use></svg>') and named.endswith('#lock"></use></svg>')


def test_an_icon_that_there_is_not_leaves_nothing() -> None:
    assert draw("icon('no-such-icon')") == draw("icon('no-such-icon', evil)") == ""
