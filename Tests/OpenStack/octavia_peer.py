"""The real octavia-api over SQLite, without authentication, with its no-op provider: `octavia_peer.py PORT FOLDER`.

Nothing settles what is PENDING there, so `POST /settle` does.
"""

import sys
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from octavia.api import app
from octavia.common import config, constants
from octavia.db import api as database
from octavia.db import base_models, models

port, folder = int(sys.argv[1]), sys.argv[2]

# Where an object that is PENDING_DELETE is taken out, before what it refers to.
TABLES = ("member", "health_monitor", "listener", "pool", "load_balancer")


def configure():
    conf = config.cfg.CONF
    conf.set_override("connection", f"sqlite:///{folder}/octavia.db", "database")
    conf.set_override("pool_timeout", None, "database")
    conf.set_override("auth_strategy", "noauth", "api_settings")
    conf.set_override("enabled_provider_drivers", {"noop_driver": "no-op"}, "api_settings")
    conf.set_override("default_provider_driver", "noop_driver", "api_settings")
    conf.set_override("network_driver", "network_noop_driver", "controller_worker")
    conf.set_override("bind_host", "127.0.0.1", "api_settings")


def seed():
    base_models.BASE.metadata.create_all(database.get_engine())
    names = (
        (constants.SUPPORTED_PROVISIONING_STATUSES, models.ProvisioningStatus), (constants.SUPPORTED_HEALTH_MONITOR_TYPES, models.HealthMonitorType),
        (constants.SUPPORTED_LB_ALGORITHMS, models.Algorithm), (constants.SUPPORTED_PROTOCOLS, models.Protocol),
        (constants.SUPPORTED_OPERATING_STATUSES, models.OperatingStatus), (constants.SUPPORTED_SP_TYPES, models.SessionPersistenceType),
        (constants.SUPPORTED_LB_TOPOLOGIES, models.LBTopology), (constants.SUPPORTED_CLIENT_AUTH_MODES, models.ClientAuthenticationMode),
    )
    session = database.get_session()
    with session.begin():
        for words, model in names:
            for word in words:
                session.add(model(name=word))


def settle():
    connection = database.get_engine().raw_connection()
    cursor = connection.cursor()

    def run(sql):
        cursor.execute(sql)

    gone = "provisioning_status = 'PENDING_DELETE'"
    below = f"load_balancer_id IN (SELECT id FROM load_balancer WHERE {gone})"
    for table in ("listener", "pool"):
        run(f"UPDATE {table} SET provisioning_status = 'PENDING_DELETE' WHERE {below}")
    for table in ("member", "health_monitor"):
        run(f"UPDATE {table} SET provisioning_status = 'PENDING_DELETE' WHERE pool_id IN (SELECT id FROM pool WHERE {gone})")
    run(f"UPDATE listener SET default_pool_id = NULL WHERE default_pool_id IN (SELECT id FROM pool WHERE {gone})")
    run(f"DELETE FROM session_persistence WHERE pool_id IN (SELECT id FROM pool WHERE {gone})")
    run(f"DELETE FROM vip WHERE load_balancer_id IN (SELECT id FROM load_balancer WHERE {gone})")
    for table in TABLES:
        run(f"DELETE FROM {table} WHERE {gone}")
        run(f"UPDATE {table} SET provisioning_status = 'ACTIVE' WHERE provisioning_status LIKE 'PENDING%'")
    connection.commit()
    connection.close()


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


class Server(WSGIServer):
    def handle_error(self, *_):
        pass


configure()
real = app.setup_app(argv=["octavia-api"])
seed()


def serve(environment, start_response):
    if environment["PATH_INFO"] == "/settle":
        settle()
        start_response("204 No Content", [])
        return [b""]
    return real(environment, start_response)


# One request at a time: with more the database is locked.
make_server("127.0.0.1", port, serve, Server, Quiet).serve_forever()
