"""The patient: a gateway, its replicas with a real small transformer, and a feature service."""
