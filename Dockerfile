# Every example server, small: docker run -p 8000:8000 IMAGE EchoServer --host 0.0.0.0

FROM swift:6.3-bookworm AS build
RUN apt-get update && \
    apt-get install -y --no-install-recommends libevent-dev pkg-config && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /spindle
COPY . .
RUN swift build --configuration release --static-swift-stdlib --package-path Examples && \
    bin=$(swift build --configuration release --static-swift-stdlib --package-path Examples --show-bin-path) && \
    mkdir /out && \
    for example in Examples/*/; do \
        example=$bin/$(basename "$example"); [ ! -x "$example" ] || install --strip "$example" /out/; done && \
    install scripts/docker-health /out/

FROM debian:bookworm-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends libevent-core-2.1-7 && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --uid 10001 --no-create-home spindle
COPY --from=build /out/ /usr/local/bin/
USER 10001
EXPOSE 8000 8080 8123
HEALTHCHECK --interval=15s --timeout=3s --start-period=5s CMD ["docker-health"]
CMD ["EchoServer", "--host", "0.0.0.0"]
