# The published image, out of the one that `mlflow models build-docker` made; `lastro image build` calls it with a folder of
# its own as context. Nothing of MLflow, pip's cache or the build machine goes into the last stage.
ARG BASE
ARG MODEL_IMAGE
FROM ${MODEL_IMAGE} AS model
ARG FLAVOR
ARG EPOCH
COPY scoring.lock collect.py /build/
RUN pip install --no-cache-dir --no-compile --no-deps --require-hashes --only-binary :all: \
        --target /export/opt/lastro/site -r /build/scoring.lock \
 && rm -rf /export/opt/lastro/site/bin /export/opt/lastro/site/*.dist-info/RECORD \
        /export/opt/lastro/site/simdjson/*.cpp /export/opt/lastro/site/simdjson/*.h
COPY lastro_scoring /export/opt/lastro/site/lastro_scoring
COPY model /export/opt/lastro/model
COPY release.json /export/opt/lastro/
RUN python /build/collect.py /export/opt/lastro ${FLAVOR} ${EPOCH}

FROM ${BASE}
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
    CMD ["python", "-S", "/opt/lastro/site/lastro_scoring/app/probe.py"]
ENTRYPOINT ["python", "-m", "lastro_scoring.app"]
