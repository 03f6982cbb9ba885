"""Who uses a GPU: process, container, pod, from what the kernel and the kubelet say on this node.

No Kubernetes API, no permission in the cluster: /proc/PID/cgroup gives the container, the kubelet's
log links its name, and the kubelet's PodResources socket what was given to whom.
"""

from __future__ import annotations

from exporters.gpu.attribution.source import Attribution, Places

__all__ = ["Attribution", "Places"]
