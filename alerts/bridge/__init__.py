"""`busysignal bridge`: tells chats and pagers what Alertmanager cannot, and never forgets."""
