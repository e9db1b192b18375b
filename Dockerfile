# mysqlproxy in a container: docker build -t mysqlproxy . ; etc/compose.yaml shows how to run it.

FROM debian:bookworm-slim AS build
# Python's headers and a compiler: the innermost modules become C.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/mysqlproxy
COPY LICENSE NEWS.rst README.rst pyproject.toml setup.cfg setup.py /source/
COPY proxy /source/proxy
COPY twisted /source/twisted
RUN /opt/mysqlproxy/bin/pip install --no-cache-dir /source \
    # A build that found no compiler would work too, and be slower.
    && case "$(/opt/mysqlproxy/bin/mysqlproxy --version)" in *compiled*) ;; *) exit 1 ;; esac

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 990 --no-log-init --no-create-home --shell /usr/sbin/nologin mysqlproxy \
    && install --directory --owner=mysqlproxy --group=mysqlproxy /run/mysqlproxy /etc/mysqlproxy
COPY --from=build /opt/mysqlproxy /opt/mysqlproxy
ENV PATH=/opt/mysqlproxy/bin:$PATH
# By number, for orchestrators that only take whom they know not to be root.
USER 990
EXPOSE 3306
# The configuration is mounted, for instance as /etc/mysqlproxy/mysqlproxy.yaml with
# admin.listen: unix:/run/mysqlproxy/admin.sock
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["mysqlproxy", "status", "--check"]
# SIGTERM drains; docker stop kills after ten seconds, unless --stop-timeout says more.
STOPSIGNAL SIGTERM
ENTRYPOINT ["mysqlproxy"]
CMD ["run"]
