# The API with its page, for CPUs: docker build -t meari .
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/meari
# The CPU build of PyTorch: the default one brings gigabytes of CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN /opt/meari/bin/pip install --index-url ${TORCH_INDEX} torch==2.13.0
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY embeddings embeddings
COPY indexing indexing
COPY analysis analysis
COPY eval eval
COPY service service
RUN /opt/meari/bin/pip install -c constraints.txt .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home meari \
    && install -d -o meari -g meari /data
COPY --from=build /opt/meari /opt/meari
ENV PATH=/opt/meari/bin:$PATH \
    MEARI_DATA=/data \
    HF_HOME=/data/.huggingface \
    MEARI_CACHE=/data/.cache \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER meari
WORKDIR /home/meari
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/readyz'); exit(c.getresponse().status != 200)"]
ENTRYPOINT ["meari"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
