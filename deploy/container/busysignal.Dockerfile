# Every command but the demo. Build from the repository's root:
#   docker build -f deploy/container/busysignal.Dockerfile -t busysignal .
#   docker build -f deploy/container/busysignal.Dockerfile -t busysignal-probe --build-arg EXTRAS=probe .
# The second holds torch, too, for the probe's kernels; gpu.Dockerfile is the small one for the GPU exporter.
FROM python:3.11-slim-bookworm AS build
ARG EXTRAS=kubernetes,otlp
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /build
COPY requirements.txt pyproject.toml README.md LICENSE busysignal.py ./
COPY exporters exporters
COPY inference_probe inference_probe
COPY alerts alerts
COPY dashboards dashboards
COPY analysis analysis
RUN uv venv /opt/busysignal \
    && uv pip install --python /opt/busysignal --no-cache --compile-bytecode ".[${EXTRAS}]" -c requirements.txt \
    && /opt/busysignal/bin/busysignal watch --help >/dev/null

FROM python:3.11-slim-bookworm
COPY --from=build /opt/busysignal /opt/busysignal
# only the probe's image asks for a device, and then for CUDA as well as NVML
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    XDG_STATE_HOME=/var/lib/busysignal \
    CUDA_CACHE_PATH=/var/lib/busysignal/cuda
RUN install -d -o 65532 -g 65532 /var/lib/busysignal
VOLUME /var/lib/busysignal
WORKDIR /var/lib/busysignal
USER 65532:65532
ENTRYPOINT ["/opt/busysignal/bin/busysignal"]
