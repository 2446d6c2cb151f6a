# Two targets: `scoring` and, below, `pipeline`.
#
# scoring: the published image, out of the one that `mlflow models build-docker` made; `lastro image build` calls it with a
# folder of its own as context. Nothing of MLflow, pip's cache or the build machine goes into it.
ARG BASE=python:3.11-slim-bookworm
# Given by `lastro image build`; BuildKit wants a name here, whichever target is built.
ARG MODEL_IMAGE=scratch
FROM ${MODEL_IMAGE} AS model
ARG FLAVOR
ARG EPOCH
COPY scoring.lock collect.py /build/
RUN pip install --no-cache-dir --no-compile --no-deps --require-hashes --only-binary :all: \
        --target /export/opt/lastro/site -r /build/scoring.lock \
 && rm -rf /export/opt/lastro/site/bin /export/opt/lastro/site/*.dist-info/RECORD \
        /export/opt/lastro/site/simdjson/*.cpp /export/opt/lastro/site/simdjson/*.h
COPY site /export/opt/lastro/site
COPY model /export/opt/lastro/model
COPY release.json /export/opt/lastro/
RUN python /build/collect.py /export/opt/lastro ${FLAVOR} ${EPOCH}

FROM ${BASE} AS scoring
# From above, so that the folder itself keeps its time too.
COPY --from=model /export /
ENV PYTHONPATH=/opt/lastro/site PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
WORKDIR /opt/lastro
# A number that no account has.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-S", "/opt/lastro/site/lastro_scoring/serving/probe.py"]
ENTRYPOINT ["python", "-m", "lastro_scoring.serving"]

# pipeline: the environment that `mlflow run projects/docker` works in, and nothing of the repository but its lock:
# `make pipeline-image`, with requirements/ as context. The clone is mounted.
FROM ${BASE} AS pipeline
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* \
 # The clone's owner is not this container's user.
 && git config --system --add safe.directory '*'
COPY runtime.lock /requirements/
RUN pip install --no-cache-dir --require-hashes -r /requirements/runtime.lock
# For any user, also one that has no account: DVC, Git and matplotlib want a home, MLflow a name.
ENV HOME=/tmp PATH=/tmp/.local/bin:$PATH USER=lastro PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    DVC_NO_ANALYTICS=1 DVC_SITE_CACHE_DIR=/tmp/dvc MLFLOW_DISABLE_TELEMETRY=true OMP_WAIT_POLICY=PASSIVE
