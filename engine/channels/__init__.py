"""Messages to people and to other systems: from "this shall be told" to "it arrived".

Must not decide what is worth telling: whoever calls ``posting.post`` does. Must not talk to the outside while a
transaction is open.
"""
