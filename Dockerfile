# A hub in a container: one program, one volume, no root.
#
#   docker build -t muster . && docker run -p 8080:8080 -v muster:/data muster

FROM node:22-bookworm-slim AS build
WORKDIR /src
# The dependencies are a layer of their own, which only the lock file changes.
COPY package.json package-lock.json ./
COPY scripts/dependencies.mjs scripts/with-dependencies.mjs scripts/
RUN node scripts/with-dependencies.mjs bun --version
COPY scripts scripts
COPY src src
COPY web web
RUN npm run build

FROM debian:bookworm-slim AS hub
RUN useradd --system --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin muster \
  && install -d -m 700 -o muster -g muster /data
COPY --from=build /src/dist/muster /usr/local/bin/muster
ENV MUSTER_HOME=/data
VOLUME /data
USER muster
EXPOSE 8080
STOPSIGNAL SIGTERM
# As bash does it, because the image has no other client.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${PORT:-8080} && printf 'GET /health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && grep -q healthy <&3"]
ENTRYPOINT ["muster"]
CMD ["hub"]

# Where volumes and files come owned by root (fly.io): they are handed over first, then root is left for good.
FROM hub AS volume-of-root
USER root
ENTRYPOINT ["sh", "-c", "set -eu; install -d -m 700 -o muster -g muster /data /data/certificates; for file in /etc/muster/*.pem; do [ ! -f \"$file\" ] || install -m 600 -o muster -g muster \"$file\" /data/certificates/; done; exec setpriv --reuid=muster --regid=muster --clear-groups --no-new-privs muster \"$@\"", "muster"]

FROM hub
