# The server's image: no shell, no package manager, nobody is root.
#
#   make image
#
# With a shell, for looking around: docker build
#   --build-arg RUNTIME=python:3.13-slim-trixie --build-arg PYTHON=/usr/local/bin/python3.13 .

# Both of Debian 13, so that what is compiled fits.
ARG BUILD=python:3.13-slim-trixie
ARG RUNTIME=gcr.io/distroless/python3-debian13:nonroot

FROM ${BUILD} AS build
WORKDIR /build
COPY deploy/image/install.sh deploy/image/
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN deploy/image/install.sh requirements python3 /image
COPY setup.cfg setup.py pyproject.toml README.md LICENSE ./
COPY typha typha
COPY workers workers
# The interpreter of the runtime stage, and what `typha version` shows.
ARG PYTHON=/usr/bin/python3.13
ARG COMMIT=""
ARG DATE=""
RUN COMMIT="${COMMIT}" DATE="${DATE}" deploy/image/install.sh server python3 /image "${PYTHON}"

FROM ${RUNTIME}
ARG COMMIT=""
ARG DATE=""
LABEL org.opencontainers.image.title="typha" \
      org.opencontainers.image.description="Fan-out server between the Calico datastore and Felix" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.created="${DATE}"
COPY --from=build /image/ /
COPY deploy/image/typha.cfg /etc/calico/typha.cfg
COPY LICENSE /licenses/LICENSE
ENV PYTHONPATH=/usr/lib/typha \
    PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /
# The base image's would be Python itself.
ENTRYPOINT []
CMD ["calico-typha"]
