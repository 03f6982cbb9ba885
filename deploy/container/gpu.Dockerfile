# The GPU exporter alone: no torch, no Polars, no CUDA. Build from the repository's root:
#   docker build -f deploy/container/gpu.Dockerfile -t busysignal-gpu .
# Run it (the NVIDIA container runtime mounts the driver's library and devices; the host's process
# list and the kubelet's files are for the names of containers, and may be left out):
#   docker run --gpus all --pid host -p 9835:9835 \
#       -v /var/log/containers:/var/log/containers:ro busysignal-gpu
FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /build
COPY requirements.txt deploy/container/gpu.txt ./
RUN uv venv /opt/busysignal \
    && uv pip install --python /opt/busysignal --no-cache --compile-bytecode -r gpu.txt -c requirements.txt
COPY pyproject.toml README.md LICENSE busysignal.py ./
COPY exporters exporters
COPY alerts alerts
COPY analysis analysis
COPY dashboards dashboards
COPY inference_probe inference_probe
RUN uv pip install --python /opt/busysignal --no-cache --compile-bytecode --no-deps . \
    && /opt/busysignal/bin/busysignal gpu --help >/dev/null

FROM python:3.11-slim-bookworm
COPY --from=build /opt/busysignal /opt/busysignal
# what the NVIDIA runtime is asked for: NVML and the devices, not CUDA
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=utility \
    BUSYSIGNAL__GPU__HOST=0.0.0.0
USER 65532:65532
EXPOSE 9835
# with a web config, give --no-healthcheck and let the orchestrator ask over TLS
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/opt/busysignal/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9835/-/ready', timeout=4)"]
ENTRYPOINT ["/opt/busysignal/bin/busysignal", "gpu"]
