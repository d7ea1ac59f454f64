"""The engine's tables of messages to the outside: the channels of a site, what leaves by them, what people choose.

Enters: nothing. Leaves: SQLAlchemy tables. Must not change without a numbered step in ``upgrades.py``. What must never
happen is refused by the database too: the same message twice to the same receiver.
"""

from sqlalchemy import Column, ForeignKey, Index, Table, text

from engine.storage.system_columns import (
    BigId,
    big_column,
    id_column,
    json_column,
    link_column,
    metadata,
    moment_column,
    number_column,
    one_of,
    text_column,
)

OPEN = text("state IN ('waiting', 'sending')")
"""The condition of the index of what is still to be sent: written out, or no database would see that it may be used."""

channels = Table(
    "fw_channels",
    metadata,
    id_column(),
    text_column("name", unique=True),  # by which definitions and people mean it
    text_column("kind"),
    text_column("host"),  # of the address, for showing and comparing
    text_column("address"),  # sealed with the key of the site: who knows the address of a robot can write to its group
    text_column("secret", required=False),  # sealed
    text_column("old_secret", required=False),  # sealed; signs beside the new one until then
    moment_column("old_secret_until", required=False),
    text_column("keyword", required=False),  # put before every text, where the provider asks for one
    number_column("rate", required=False),  # messages a minute; missing: that of the kind
    number_column("inside", server_default=text("0")),  # 1: the address may lie in a private network
    number_column("personal", server_default=text("0")),  # 1: people may choose it for what is told to them
    json_column("options", required=True),  # of an e-mail server: user, sender, encryption
    json_column("sent_lately"),  # when messages left in the last minute, in seconds
    moment_column("paused_until", required=False),  # nobody answered: it is left alone for a while
    moment_column("created_at"),
    moment_column("disabled_at", required=False),
    one_of("kind", "email", "dingtalk", "wecom", "feishu", "webhook", "dialler"),
)

deliveries = Table(
    "fw_deliveries",
    metadata,
    id_column(),
    text_column("message_id", unique=True),  # the same at every attempt, so that the receiver can drop the second
    text_column("key", unique=True),
    moment_column("at"),
    text_column("kind"),
    text_column("channel"),  # a name, whether there is such a channel or not
    link_column("user_id", "fw_users"),
    text_column("recipient", required=False),  # an e-mail address, a telephone number
    json_column("message", required=True),
    text_column("entity", required=False),
    big_column("record_id", required=False),
    number_column("priority"),  # the smallest leaves first
    text_column("state"),
    moment_column("due_at"),
    number_column("gather", server_default=text("0")),  # 1: what is due together for one person is one message
    number_column("attempts", server_default=text("0")),
    number_column("parts", server_default=text("0")),  # of a text too long for one message: how many have arrived
    text_column("claim", required=False),  # of the attempt under way
    moment_column("claimed_until", required=False),
    text_column("error", required=False),  # the code of a sentence
    text_column("answer", required=False),  # what the receiver said, the beginning of it
    json_column("result"),  # what came of a call
    moment_column("ended_at", required=False),
    Column("merged_into_id", BigId, ForeignKey("fw_deliveries.id"), nullable=True),
    one_of("state", "waiting", "sending", "sent", "merged", "dead", "parked", "dropped"),
    # What a channel sends next, without reading what was ever sent by it.
    Index("ix_fw_deliveries_open", "channel", "priority", "due_at", "id", sqlite_where=OPEN, postgresql_where=OPEN),
    Index(None, "state", "id"),
    Index(None, "merged_into_id"),
    Index(None, "entity", "record_id"),
)

message_choices = Table(
    "fw_message_choices",
    metadata,
    Column("user_id", BigId, ForeignKey("fw_users.id"), primary_key=True),
    json_column("ways", required=True),  # by kind of message: channels, and when
    text_column("quiet_from", required=False),  # 22:00
    text_column("quiet_until", required=False),
    text_column("digest_at"),
    text_column("timezone", required=False),  # missing: that of the site
)

pictures = Table(
    "fw_pictures",
    metadata,
    id_column(),
    text_column("key", unique=True),  # of the message and its receiver: one is kept however often it is told
    moment_column("at"),
    moment_column("until"),  # when its address ends
    json_column("page", required=True),  # what is drawn, as plain data: figures as they were then
    Index(None, "until"),
)
