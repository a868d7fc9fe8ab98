# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0

# Where the two base images come from, so that a mirror can be named with
# --build-arg.
ARG BUILDER_IMAGE=golang:1.26
ARG RUNTIME_IMAGE=gcr.io/distroless/static:nonroot

# The compiler runs on the machine that builds and makes binaries for the
# platform that is wanted: no emulation.
FROM --platform=$BUILDPLATFORM ${BUILDER_IMAGE} AS builder
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
# A module proxy of your own, where the public one cannot be reached.
ARG GOPROXY
WORKDIR /workspace

# Dependencies first: this layer stays as long as they do.
COPY go.mod go.sum ./
RUN go mod download

COPY api/ api/
COPY cmd/ cmd/
COPY config/prometheus/ config/prometheus/
COPY internal/ internal/
# An empty TARGETOS or TARGETARCH, from a builder that does not set them, means
# the building machine's own.
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /manager ./cmd

FROM ${RUNTIME_IMAGE}
ARG VERSION=dev
LABEL org.opencontainers.image.title="compose-operator" \
      org.opencontainers.image.description="Keeps the replication between database pods as declared" \
      org.opencontainers.image.source="https://github.com/upmio/compose-operator" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=builder /manager /manager
# By number, so that a kubelet can verify runAsNonRoot.
USER 65532:65532
ENTRYPOINT ["/manager"]
