"""Writes the Dockerfile of a bundle: packages in one stage, the server alone in the next.

Build tools, pip and caches stay behind in the first stage. The second has the bundle as it was
made, owned by root; the server runs as nobody and writes nothing, so its file system may be
read-only.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playbill.config.schema import Server

USER = 10001
PORT = 8000


def dockerfile(name: str, server: "Server", edit: str) -> str:
    """Return the Dockerfile of a model's bundle.

    Args:
        name: The model.
        server: The `server` group of conf/.
        edit: The line that says where to edit instead.
    """
    wheels = server.image.packages == "wheels"
    return _DOCKERFILE.format(
        edit=edit,
        name=name,
        base=server.image.base or f"python:{server.python}-slim",
        context="--build-context wheels=DIR " if wheels else "",
        how=_WHEELS if wheels else "",
        source="--no-index -f /wheels " if wheels else "",
        user=USER,
        port=PORT,
    )


_WHEELS = "# hadolint ignore=DL3022\nCOPY --from=wheels . /wheels/\n"
_DOCKERFILE = """\
# {edit}
# In the bundle's folder: docker build -f server/Dockerfile {context}-t {name} .
# Pin the base: --build-arg BASE={base}@sha256:... , or server.image.base in conf.
ARG BASE={base}

# hadolint ignore=DL3006
FROM ${{BASE}} AS packages
COPY requirements.txt /requirements.txt
{how}RUN python3 -m venv /opt/server \\
    && /opt/server/bin/pip install --no-cache-dir {source}-r /requirements.txt \\
    && /opt/server/bin/pip uninstall --yes pip

# hadolint ignore=DL3006
FROM ${{BASE}}
COPY --from=packages /opt/server /opt/server
ENV PATH=/opt/server/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /bundle
# Owned by root and only readable by the server: it could not change what it verifies.
COPY . ./
USER {user}:{user}
EXPOSE {port}

# Loopback, as long as nobody is authenticated: share the container's network with the proxy that
# authenticates, or mount a key file and say: --host 0.0.0.0 --port {port} --keys /run/keys.jsonl
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \\
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:{port}/readyz')"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "server"]
CMD ["--host", "127.0.0.1", "--port", "{port}"]
"""
