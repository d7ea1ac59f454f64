"""Records: the only writers and readers of what people entered.

Every read and every write of record values passes here, where row scopes and field rules are applied. Must not know
HTTP, stages beyond their locks, or approvals: those stand above.
"""
