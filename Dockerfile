# An image with the program and nothing else. VERSION= is for a folder without git.
FROM golang:1.26 AS build
ARG VERSION=
WORKDIR /source
COPY . .
RUN make ipvsadm VERSION=$VERSION && make stage stage=/image PREFIX=/usr

FROM scratch
COPY --from=build /image/usr/sbin/ /usr/sbin/
ENTRYPOINT ["/usr/sbin/ipvsadm"]
