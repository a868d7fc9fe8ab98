# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0

# A catalog for OLM: opm serves what is in catalog/compose-operator. Build it with
#   docker build -f catalog.Dockerfile --build-arg OPM_IMAGE=… -t … .
# where OPM_IMAGE is an image of operator-registry (1.73 or newer) with /bin/opm and,
# for OLM's probes, grpc_health_probe on the PATH, such as operator-framework/opm.
ARG OPM_IMAGE=operator-framework/opm:v1.73.0
FROM ${OPM_IMAGE}

LABEL operators.operatorframework.io.index.configs.v1=/configs

COPY catalog/compose-operator /configs/compose-operator

# The cache is made once, here, and not at every start.
RUN ["/bin/opm", "serve", "/configs", "--cache-dir=/tmp/cache", "--cache-only"]

ENTRYPOINT ["/bin/opm"]
CMD ["serve", "/configs", "--cache-dir=/tmp/cache"]
