"""``formwork channel``: channels by command, their secrets by standard input."""

from tests.channels.receivers import http_receiver
from tests.cli.conftest import Run


def test_channels_are_made_changed_and_listed_and_secrets_shown_once(run: Run) -> None:
    made = run("channel", "add", "erp", "webhook", input="https://erp.example.com/hook\n\n").output
    assert "whsec_" in made
    run("channel", "add", "mail", "email", "--sender", "crm@example.com", "--personal", input="smtp.example.com\n\n")
    assert run("channel", "list").output.splitlines() == [
        "erp\twebhook\terp.example.com",
        "mail\temail\tsmtp.example.com",
    ]
    assert "whsec_" in run("channel", "rotate", "erp").output
    run("channel", "edit", "erp", "--rate", "5")
    again = run("channel", "edit", "erp", "--address-stdin", input="https://other.example.com/hook\n\n").output
    assert "give the secret" in again
    run("channel", "disable", "mail")
    assert run("channel", "list").output.splitlines()[1].endswith("\toff")
    run("channel", "enable", "mail")
    run("channel", "delete", "mail")
    assert "no channel" in run("channel", "edit", "mail").output
    assert "https://" in run("channel", "add", "bad", "dingtalk", input="http://example.com\n\n").output


def test_a_test_message_shows_what_left_and_what_was_answered(run: Run) -> None:
    with http_receiver() as receiver:
        address = f"{receiver.url}/robot?access_token=tokenvalue\n\n"
        run("channel", "add", "group", "dingtalk", "--inside", input=address)
        receiver.replies.append({"errcode": 310000})
        refused = run("channel", "test", "group")
        assert "310000" in refused.output and "atMobiles" in refused.output and refused.exit_code == 1
        assert "confirmed" in run("channel", "test", "group").output
        assert "tokenvalue" not in refused.output and len(receiver.got) == 2
