"""Who may speak to Kafka and to Redis: a file for each user and store, made once, readable by its owner alone.

  keys/kafka/USER.conf    librdkafka's settings, for --kafka_security_file and kcat -F
  keys/redis/USER.conf    username and password, for --redis_login_file

A user is called as its program. `operator` may do everything (civicctl, deploy/up), `data` reads public events, `broker` is
the broker itself. Where a file is removed, the next deploy/up makes a new password and starts anew who needs it: that is how
a password is changed.
"""
import hashlib
import secrets

OPERATOR, BROKER, DATA = "operator", "broker", "data"
# What a service's scripts and calls need (services/runtime/hotstate/redis_scripts.h), and nothing that administers.
COMMANDS = ("ping", "info", "script|load", "evalsha", "publish", "subscribe", "del", "hdel", "hget", "hmget", "hset", "hscan",
            "zadd", "zrem", "zrangebylex", "zrevrangebylex")


class Logins:
    """Of one city. `services`: those that it may ever have, whichever run."""

    def __init__(self, keys, services):
        self._keys, self._services = keys, services
        kafka = {user: self._kafka(user) for user in (BROKER, OPERATOR, DATA, *services)}
        redis = (OPERATOR, *services)
        for user in redis:
            self._redis(user)
        self.kafka_passwords = {user: self._password(file, "sasl.password") for user, file in kafka.items()}
        self.redis_rules = "user default off\n" + "".join(
            f"user {user} on #{hashlib.sha256(self.redis_password(user).encode()).hexdigest()} {self._redis_rights(user)}\n"
            for user in redis)

    def kafka_file(self, user):
        return self._keys / "kafka" / f"{user}.conf"

    def redis_file(self, user):
        return self._keys / "redis" / f"{user}.conf"

    def redis_password(self, user):
        return self._password(self.redis_file(user), "password")

    def _kafka(self, user):
        return made(self.kafka_file(user), "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
                    f"sasl.username={user}\nsasl.password={secrets.token_hex(32)}\n")

    def _redis(self, user):
        return made(self.redis_file(user), f"username={user}\npassword={secrets.token_hex(32)}\n")

    @staticmethod
    def _redis_rights(user):
        if user == OPERATOR:
            return "~* &* +@all"
        own = f"~civicmesh:{user}:* &civicmesh:{user}:* -@all " + " ".join(f"+{command}" for command in COMMANDS)
        # Beside its own: which tokens that are good once are used up, whichever service they were shown to.
        return f"{own} (~civicmesh:once:* +set)"

    @staticmethod
    def _password(file, name):
        lines = dict(line.split("=", 1) for line in file.read_text(encoding="ascii").splitlines())
        return lines[name]


def made(file, text):
    """The file, with this text where there was none. It is never there half, nor readable by others for a moment."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, exist_ok=True)
        whole = file.with_suffix(".new")
        whole.touch(mode=0o600)
        whole.write_text(text, encoding="ascii")
        whole.rename(file)
    return file
