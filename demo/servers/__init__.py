"""Real servers on this machine: started on free ports, stopped by their pids."""

from demo.servers.alertmanager import Alertmanager, start_alertmanager
from demo.servers.elasticsearch import Elasticsearch, start_elasticsearch
from demo.servers.node_exporter import NodeExporter, start_node_exporter
from demo.servers.process import Command, ServerProcess
from demo.servers.prometheus import Prometheus, start_prometheus
from demo.servers.run_folder import RunFolder
from demo.servers.server import Server

__all__ = [
    "Alertmanager",
    "Command",
    "Elasticsearch",
    "NodeExporter",
    "Prometheus",
    "RunFolder",
    "Server",
    "ServerProcess",
    "start_alertmanager",
    "start_elasticsearch",
    "start_node_exporter",
    "start_prometheus",
]
