# The service in one image: serve, worker and witness are the same program. Needs no compiler and no network but the package index.
FROM node:22-trixie-slim AS player
COPY tools/fetch-player.mjs /src/
RUN node /src/fetch-player.mjs /src/player

FROM python:3.13-slim-trixie AS build
WORKDIR /src
COPY requirements-run.lock requirements.lock ./
RUN python -m venv /srv/holdstill && /srv/holdstill/bin/pip install --no-cache-dir --require-hashes -r requirements-run.lock
# The one tool that builds the wheel, as it is pinned by hash; it stays out of the image.
RUN awk '/^[a-z0-9]/ {on = /^setuptools==/} on' requirements.lock >build.lock \
    && python -m venv /srv/tools && /srv/tools/bin/pip install --no-cache-dir --require-hashes -r build.lock
COPY pyproject.toml README.md LICENSE ./
COPY server ./server
COPY storage ./storage
COPY migrations ./migrations
COPY --from=player /src/player ./server/web/player
RUN /srv/tools/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir wheel . \
    && /srv/holdstill/bin/pip install --no-cache-dir --no-deps wheel/*.whl

FROM python:3.13-slim-trixie
RUN useradd --system --uid 10001 --home-dir /data holdstill && install -d -o holdstill -g holdstill -m 0700 /data
COPY --from=build /srv/holdstill /srv/holdstill
ENV PATH=/srv/holdstill/bin:$PATH HOLDSTILL_DATA_DIR=/data HOLDSTILL_HOST=0.0.0.0
USER holdstill
VOLUME /data
EXPOSE 8443 8444
ENTRYPOINT ["holdstill"]
CMD ["serve"]
