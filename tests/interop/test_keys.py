"""Chapter 11, and A8 and A9 of chapter 10: a client in another language joins, authenticates and pushes over CURVE."""

import hashlib

from zmq.utils import z85

from case import CATALOG, Case, good
from feeder import Door, Feeder, Keys
from messages import door
from pipeline import free_endpoint, until

PROMPT_S = 2


class OverCurve(Case):
    pipeline = {"catalog": CATALOG}

    @classmethod
    def setUpClass(cls):
        cls.endpoint = free_endpoint()
        cls.arguments = ["--door", cls.endpoint]
        super().setUpClass()

    def invited(self, name):
        """The invitation's fields, as its line has them."""
        line = self.p.run("keys", "invite", name).stdout.strip()
        return dict(part.split("=", 1) for part in line.split(",")[1:])

    def connected(self, keys):
        d = Door(self.context, self.endpoint, keys)
        self.addCleanup(d.close)
        return d

    def joined(self, name):
        line = self.invited(name)
        keys, token = Keys(z85.encode(bytes.fromhex(line["server"]))), bytes.fromhex(line["token"])
        d = self.connected(keys)
        d.send(join=door.Join(request=5, token=token))
        answer = d.expect("joined")
        self.assertEqual((answer.request, answer.name, answer.why), (5, name, ""))
        return keys, token

    def push(self, keys, line, epoch=1):
        f = Feeder(self.context, self.endpoint, "", epoch=epoch, line=line, keys=keys)
        self.addCleanup(f.close)
        f.connect()
        f.submit(**good())
        totals = f.settle()
        f.bye()
        return totals

    def test_a8_joins_authenticates_and_pushes(self):
        keys, token = self.joined("ha-noi")
        self.p.run("access", "grant", "ha-noi", "appraise")
        self.assertEqual(self.push(keys, 7).accepted_rows, 1)
        self.assertNotIn(token.hex(), self.p.run("keys", "tokens").stdout)

    def test_a8c_the_hash_is_that_of_rfc_7693(self):
        token = bytes.fromhex(self.invited("hue")["token"])
        number = hashlib.blake2b(token, digest_size=32).hexdigest()[:8]
        self.assertIn(f"invitation-{number}", self.p.run("keys", "tokens", "hue").stdout)

    def test_a8a_what_is_used_is_told_and_asking_again_is_answered(self):
        keys, token = self.joined("da-nang")
        again = self.connected(keys)
        again.send(join=door.Join(request=6, token=token))
        self.assertEqual(again.expect("joined").name, "da-nang")
        other = self.connected(Keys(keys.server))
        other.send(join=door.Join(request=7, token=token))
        refused = other.expect("joined")
        self.assertEqual(refused.name, "")
        self.assertIn("used", refused.why)

    def test_t6_anything_else_ends_it_unanswered(self):
        keys, _ = self.joined("can-tho")
        stranger = self.connected(Keys(keys.server))
        stranger.send(describe=door.Describe())
        self.assertEqual(stranger.receive(PROMPT_S), (None, None))
        self.assertGreaterEqual(self.counter("ingestor-1", "guests_cut"), 1)

    def test_a7_a_name_is_its_key_s(self):
        keys, _ = self.joined("hai-phong")
        d = self.connected(keys)
        d.send(hello=door.Hello(protocol_version=1, feeder="ha-noi", epoch=1, line=1))
        self.refusal(d, door.REFUSED_NOT_AUTHORISED)

    def test_a9_one_key_for_another(self):
        old, _ = self.joined("vinh")
        self.p.run("access", "grant", "vinh", "appraise")
        fresh = Keys(old.server)
        d = self.connected(old)
        d.send(rotate=door.Rotate(request=8, public_key=z85.decode(fresh.public), overlap_ms=5000))
        answer = d.expect("joined")
        self.assertEqual((answer.name, answer.why), ("vinh", ""))
        self.assertGreater(answer.old_until_ms, 0)
        self.assertEqual(self.push(fresh, 1).accepted_rows, 1)
        until(lambda: len(self.p.run("keys", "list", "vinh").stdout.splitlines()) == 1, "the old one has ended")
        self.assertIn(fresh.public.decode(), self.p.run("keys", "list", "vinh").stdout)
