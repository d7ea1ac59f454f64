"""Accounts: who may be created and changed by whom, and what ends when."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from engine.clock import SetClock
from engine.errors import InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people import accounts, departments, directory, passwords, sessions, tokens
from engine.people.actor import Actor
from engine.storage.store import Store
from engine.storage.system_tables import audit, users

GOOD = "velvet-harbour-19"


def add(store: Store, login: str, *roles: str, password: str | None = GOOD, **more: object) -> int:
    with store.write() as session:
        return accounts.create_user(
            session, login=login, name=f"Name of {login}", password=password, roles=roles, actor=None, **more
        )


def sign_in(store: Store, login: str, password: str = GOOD) -> str | None:
    proven = sessions.check_login(store.database, login, password)
    if proven is None:
        return None
    with store.write() as session:
        return sessions.open_session(session, proven, ip="10.0.0.1", agent="test")


def who(store: Store, key: str | None) -> Actor | None:
    with store.read() as session:
        found = sessions.find_by_key(session.connection, key or "", now=session.now())
    return found.actor if found else None


def by_token(store: Store, token: str) -> Actor | None:
    with store.read() as session:
        found = tokens.find_by_token(session.connection, token, now=session.now())
    return found.actor if found else None


def actor(store: Store, user_id: int) -> Actor:
    with store.read() as session:
        return accounts.get_actor(session.connection, user_id)


def errors_of(error: pytest.ExceptionInfo[InvalidValues]) -> dict[str, str]:
    return {item.path: item.code for item in error.value.errors}


class TestPasswords:
    @pytest.mark.parametrize(
        "password",
        ["short1!", "password123", "Passw0rd2026", "aaaaaaaaaaaa", "1234567890", "qwertyuiop12", "abcdefghijkl",
         "rep_wang2026", "woaini5201314", "adminadmin1", "x" * 129, "wangleiwang1"],
    )  # fmt: skip
    def test_guessable_passwords_are_refused(self, password: str) -> None:
        assert passwords.check_password(password, login="rep_wang", name="wanglei")

    @pytest.mark.parametrize(
        "password", [GOOD, "正确的马电池订书钉好吗", "kx7-mm2-qqa-tz", "correct horse battery staple"]
    )
    def test_long_and_odd_passwords_pass(self, password: str) -> None:
        assert passwords.check_password(password, login="rep_wang", name="王磊") == []

    def test_generated_passwords_meet_the_policy_and_differ(self) -> None:
        made = {passwords.generate_password() for _ in range(50)}
        assert len(made) == 50
        assert all(passwords.check_password(item, login="a", name="b") == [] for item in made)

    def test_a_hash_is_argon2id_and_never_the_same_twice(self) -> None:
        one, two = passwords.hash_password(GOOD), passwords.hash_password(GOOD)
        assert one != two
        assert one.startswith("$argon2id$")
        assert passwords.can_sign_in(GOOD, one)
        assert not passwords.can_sign_in(GOOD + "x", one)

    def test_nobody_signs_in_without_a_stored_hash(self) -> None:
        assert not passwords.can_sign_in(GOOD, None)
        assert not passwords.can_sign_in(GOOD, "not a hash")


class TestCreating:
    def test_a_created_person_signs_in_with_roles_and_department(self, store: Store) -> None:
        with store.write() as session:
            company = departments.create_department(session, key="company", name="Company", actor=None)
            sales = departments.create_department(session, key="sales", name="Sales", parent=company, actor=None)
        add(store, "Rep_Wang", "rep", "manager", department=company)
        found = who(store, sign_in(store, " REP_WANG "))
        assert found is not None
        assert (found.login, found.roles, found.team, found.via) == ("rep_wang", {"rep", "manager"}, company, "web")
        assert found.teams == {company, sales}

    def test_every_mistake_is_told_at_once(self, store: Store) -> None:
        with pytest.raises(InvalidValues) as error:
            add(store, "x", "boss", password="123", department=77, manager=88)
        assert errors_of(error) == {
            "login": "people.login_malformed",
            "roles": "people.role_unknown",
            "department": "people.department_not_found",
            "manager": "people.manager_unknown",
            "password": "people.password_short",
        }

    def test_a_login_is_taken_once_whatever_its_case(self, store: Store) -> None:
        add(store, "anna")
        with pytest.raises(InvalidValues) as error:
            add(store, "ANNA")
        assert errors_of(error) == {"login": "people.login_taken"}

    def test_only_an_administrator_manages_people(self, store: Store) -> None:
        rep, admin = actor(store, add(store, "rep1", "rep")), actor(store, add(store, "boss", "admin"))
        target = add(store, "target", "rep")
        with store.write() as session, pytest.raises(NotAllowed):
            accounts.create_user(session, login="more", name="More", password=None, roles=["admin"], actor=rep)
        for change in (
            lambda s, a: accounts.set_roles(s, target, ["admin"], actor=a),
            lambda s, a: accounts.set_password(s, target, GOOD + "!", actor=a),
            lambda s, a: accounts.disable_user(s, target, actor=a),
            lambda s, a: accounts.enable_user(s, target, actor=a),
            lambda s, a: accounts.update_user(s, target, name="New", actor=a),
        ):
            with store.write() as session, pytest.raises(NotAllowed):
                change(session, rep)
            with store.write() as session:
                change(session, admin)

    def test_changes_leave_an_audit_row_with_who_did_it(self, store: Store) -> None:
        admin = actor(store, add(store, "boss", "admin"))
        target = add(store, "target", "rep")
        with store.write() as session:
            accounts.set_roles(session, target, ["manager"], actor=admin)
        with store.read() as session:
            row = session.connection.execute(select(audit).order_by(audit.c.id.desc()).limit(1)).one()
        assert (row.action, row.subject, row.actor_id) == ("user.roles", f"user:{target}", admin.id)
        assert row.details == {"roles": ["manager"]}

    def test_no_password_reaches_a_table_in_the_clear(self, store: Store) -> None:
        add(store, "anna")
        sign_in(store, "anna")
        with store.read() as session:
            rows = [*session.connection.execute(select(users)), *session.connection.execute(select(audit))]
        assert GOOD not in repr(rows)


class TestEnding:
    def test_disabling_ends_sessions_and_tokens_at_once(self, store: Store) -> None:
        user = add(store, "anna", "rep")
        key = sign_in(store, "anna")
        with store.write() as session:
            token = tokens.create_token(session, user_id=user, label="erp", actor=None)
        assert who(store, key) and by_token(store, token)
        with store.write() as session:
            accounts.disable_user(session, user, actor=None)
        assert who(store, key) is None
        assert by_token(store, token) is None
        assert sign_in(store, "anna") is None
        with store.write() as session:
            accounts.enable_user(session, user, actor=None)
        assert who(store, key) is None, "an old session must not come back to life"
        assert by_token(store, token) is None
        assert who(store, sign_in(store, "anna"))

    def test_a_changed_password_ends_other_sessions_and_all_tokens(self, store: Store) -> None:
        user = add(store, "anna", "rep")
        here, elsewhere = sign_in(store, "anna"), sign_in(store, "anna")
        with store.write() as session:
            token = tokens.create_token(session, user_id=user, label="erp", actor=None)
            this = sessions.find_by_key(session.connection, here or "", now=session.now())
        assert this is not None
        with store.write() as session:
            accounts.change_password(session, current=GOOD, new="other-harbour-44", keep=this.id, actor=this.actor)
        assert who(store, here)
        assert who(store, elsewhere) is None
        assert by_token(store, token) is None
        assert sign_in(store, "anna") is None
        assert sign_in(store, "anna", "other-harbour-44")

    def test_changing_a_password_asks_for_the_current_one(self, store: Store) -> None:
        me = actor(store, add(store, "anna"))
        with store.write() as session, pytest.raises(InvalidValues) as error:
            accounts.change_password(session, current="wrong-one-here", new="other-harbour-44", keep=None, actor=me)
        assert errors_of(error) == {"current": "people.password_wrong"}
        with store.write() as session, pytest.raises(InvalidValues) as error:
            accounts.change_password(session, current=GOOD, new=GOOD, keep=None, actor=me)
        assert errors_of(error) == {"password": "people.password_same"}

    def test_a_sign_in_that_was_proven_before_the_change_opens_no_session(self, store: Store) -> None:
        user = add(store, "anna")
        proven = sessions.check_login(store.database, "anna", GOOD)
        assert proven is not None
        with store.write() as session:
            accounts.set_password(session, user, "other-harbour-44", actor=None)
        with store.write() as session:
            assert sessions.open_session(session, proven, ip=None, agent=None) is None

    def test_the_last_administrator_stays(self, store: Store) -> None:
        one, two = add(store, "boss1", "admin"), add(store, "boss2", "admin")
        with store.write() as session:
            accounts.disable_user(session, one, actor=None)
        for change in (
            lambda s: accounts.disable_user(s, two, actor=None),
            lambda s: accounts.set_roles(s, two, ["rep"], actor=None),
        ):
            with store.write() as session, pytest.raises(NotPossibleNow, match="last_admin"):
                change(session)

    def test_two_administrators_cannot_disable_each_other_at_the_same_moment(self, store: Store) -> None:
        pair = [add(store, "boss1", "admin"), add(store, "boss2", "admin")]
        start, refused = threading.Barrier(2), []

        def disable(target: int) -> None:
            start.wait()
            try:
                with store.write() as session:
                    accounts.disable_user(session, target, actor=None)
            except NotPossibleNow as error:
                refused.append(error.code)

        threads = [threading.Thread(target=disable, args=(target,)) for target in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.read() as session:
            left = session.connection.scalars(select(users.c.id).where(users.c.disabled_at.is_(None))).all()
        assert len(left) == 1, refused


class TestSessions:
    def test_a_session_ends_when_idle_and_when_old(self, store: Store, clock: SetClock) -> None:
        add(store, "anna")
        key = sign_in(store, "anna")
        clock.advance(sessions.IDLE - timedelta(seconds=1))
        assert who(store, key)
        clock.advance(timedelta(seconds=1))
        assert who(store, key) is None

    def test_use_keeps_a_session_alive_but_not_beyond_its_lifetime(self, store: Store, clock: SetClock) -> None:
        from engine.people import signed_in

        add(store, "anna")
        key = sign_in(store, "anna")
        alive = timedelta()
        while alive < sessions.LIFETIME - timedelta(hours=6):
            clock.advance(timedelta(hours=6))
            alive += timedelta(hours=6)
            with store.write() as session:
                found = sessions.find_by_key(session.connection, key or "", now=session.now())
                assert found is not None and found.is_stale
                signed_in.touch(session, found)
        clock.advance(timedelta(hours=6))
        assert who(store, key) is None

    def test_a_key_is_random_and_only_its_hash_is_stored(self, store: Store) -> None:
        from engine.storage.system_tables import sessions as table

        add(store, "anna")
        keys = {sign_in(store, "anna") for _ in range(5)}
        assert len(keys) == 5 and all(key and len(key) >= 43 for key in keys)
        with store.read() as session:
            stored = set(session.connection.scalars(select(table.c.token_hash)))
        assert not stored & keys

    def test_one_may_end_ones_own_session_and_nobody_elses(self, store: Store) -> None:
        anna, bert = add(store, "anna"), add(store, "bert")
        key = sign_in(store, "bert")
        with store.read() as session:
            device = sessions.list_devices(session.connection, bert, now=session.now())[0]
        with store.write() as session, pytest.raises(NotFound):
            sessions.close_session(session, device.id, actor=_fake(anna))
        assert who(store, key)
        with store.write() as session:
            sessions.close_session(session, device.id, actor=_fake(bert))
        assert who(store, key) is None

    @pytest.mark.parametrize("login", ["nobody", "", "x" * 5000, "a\x00b", "' OR 1=1 --", "\ud800"])
    def test_strange_logins_are_simply_wrong(self, store: Store, login: str) -> None:
        assert sessions.check_login(store.database, login, GOOD) is None

    @pytest.mark.parametrize("key", ["", "x", "a\x00b", "é" * 100, "\ud800"])
    def test_strange_keys_belong_to_nobody(self, store: Store, key: str) -> None:
        assert who(store, key) is None
        assert by_token(store, key) is None

    def test_who_asks_is_found_with_one_query(self, store: Store) -> None:
        with store.write() as session:
            team = departments.create_department(session, key="sales", name="Sales", actor=None)
        user = add(store, "anna", "rep", "manager", department=team)
        key = sign_in(store, "anna") or ""
        with store.write() as session:
            token = tokens.create_token(session, user_id=user, label="erp", actor=None)
        with store.read() as session:
            sessions.find_by_key(session.connection, key, now=session.now())  # the tree is read once and kept
            said: list[str] = []
            event.listen(session.connection, "before_cursor_execute", lambda c, cur, sql, *rest: said.append(sql))
            found = sessions.find_by_key(session.connection, key, now=session.now())
            tokens.find_by_token(session.connection, token, now=session.now())
        assert found is not None and found.actor.roles == {"rep", "manager"} and found.actor.teams == {team}
        assert len(said) == 2, said


class TestTokens:
    def test_a_token_acts_as_its_owner_until_it_expires(self, store: Store, clock: SetClock) -> None:
        user = add(store, "anna", "rep")
        until = clock.now() + timedelta(days=1)
        with store.write() as session:
            token = tokens.create_token(session, user_id=user, label="erp", expires_at=until, actor=None)
        found = by_token(store, token)
        assert found is not None and (found.id, found.via) == (user, "api")
        clock.advance(timedelta(days=1))
        assert by_token(store, token) is None

    def test_a_revoked_token_is_dead_and_only_its_owner_revokes_it(self, store: Store) -> None:
        anna, bert = add(store, "anna"), add(store, "bert")
        with store.write() as session:
            token = tokens.create_token(session, user_id=anna, label="erp", actor=None)
            token_id = tokens.list_tokens(session.connection, anna)[0].id
        with store.write() as session, pytest.raises(NotFound):
            tokens.revoke_token(session, token_id, actor=_fake(bert))
        assert by_token(store, token)
        with store.write() as session:
            tokens.revoke_token(session, token_id, actor=_fake(anna))
        assert by_token(store, token) is None


class TestDirectory:
    def test_the_manager_is_the_persons_own_else_the_departments_else_the_one_above(self, store: Store) -> None:
        with store.write() as session:
            company = departments.create_department(session, key="company", name="Company", actor=None)
            sales = departments.create_department(session, key="sales", name="Sales", parent=company, actor=None)
        gm = add(store, "gm", "director", department=company)
        lead = add(store, "lead", "manager", department=sales)
        rep = add(store, "rep1", "rep", department=sales)
        with store.write() as session:
            departments.update_department(session, company, manager=gm, actor=None)
            departments.update_department(session, sales, manager=lead, actor=None)
        assert self.manager(store, rep) == lead
        assert self.manager(store, lead) == gm, "never oneself: the department above is asked"
        assert self.manager(store, gm) is None
        with store.write() as session:
            accounts.update_user(session, rep, manager=gm, actor=None)
        assert self.manager(store, rep) == gm
        with store.write() as session:
            accounts.disable_user(session, lead, actor=None)
            accounts.update_user(session, rep, manager=lead, actor=None)
        assert self.manager(store, rep) == gm, "a disabled manager is passed over"

    def test_holders_of_a_role_are_the_enabled_ones(self, store: Store) -> None:
        one, two = add(store, "fin1", "finance"), add(store, "fin2", "finance")
        add(store, "rep1", "rep")
        with store.write() as session:
            accounts.disable_user(session, one, actor=None)
            assert [item.id for item in directory.holders_of(session.connection, "finance")] == [two]

    def test_a_chain_of_managers_that_bites_its_tail_ends(self, store: Store) -> None:
        one = add(store, "one")
        two = add(store, "two", manager=one)
        with store.write() as session:
            accounts.update_user(session, one, manager=two, actor=None)
            assert [item.id for item in directory.managers_of(session.connection, one)] == [two]

    def test_people_are_found_by_letters_taken_literally(self, store: Store) -> None:
        add(store, "rep_wang")
        add(store, "repxwang")
        with store.read() as session:
            assert [p.login for p in directory.find_people(session, "rep_w")] == ["rep_wang"]
            assert directory.find_people(session, "%") == []

    @staticmethod
    def manager(store: Store, user: int) -> int | None:
        with store.read() as session:
            found = directory.manager_of(session.connection, user)
        return found.id if found else None


class TestDepartments:
    def test_a_department_cannot_lie_below_itself(self, store: Store) -> None:
        with store.write() as session:
            top = departments.create_department(session, key="top", name="Top", actor=None)
            low = departments.create_department(session, key="low", name="Low", parent=top, actor=None)
            for parent in (top, low):
                with pytest.raises(InvalidValues):
                    departments.update_department(session, top, parent=parent, actor=None)

    def test_a_moved_department_is_seen_by_its_new_managers_at_once(self, store: Store) -> None:
        with store.write() as session:
            east = departments.create_department(session, key="east", name="East", actor=None)
            west = departments.create_department(session, key="west", name="West", actor=None)
            team = departments.create_department(session, key="team", name="Team", parent=east, actor=None)
        user = add(store, "lead", department=west)
        assert actor(store, user).teams == {west}
        with store.write() as session:
            departments.update_department(session, team, parent=west, actor=None)
        assert actor(store, user).teams == {west, team}

    def test_a_change_that_was_rolled_back_leaves_no_trace_in_the_tree(self, store: Store) -> None:
        with store.write() as session:
            west = departments.create_department(session, key="west", name="West", actor=None)
        user = add(store, "lead", department=west)
        with pytest.raises(RuntimeError), store.write() as session:
            departments.create_department(session, key="team", name="Team", parent=west, actor=None)
            assert len(accounts.get_actor(session.connection, user).teams) == 2
            raise RuntimeError
        assert actor(store, user).teams == {west}


def _fake(user: int) -> Actor:
    return Actor(user, "x", "x", frozenset(), None, frozenset(), None, "web")
