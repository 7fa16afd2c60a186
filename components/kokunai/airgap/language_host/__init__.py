"""Runs Python code for an engine that came without its Python host."""

LOOPBACK = "127.0.0.1"

# A stack's configuration or a package's schema may exceed gRPC's 4 MiB; the engine allows as much.
_MESSAGE_BYTES = 400 * 1024 * 1024
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_BYTES),
    # A proxy that the environment names is for the outside and cannot reach this machine's ports.
    ("grpc.enable_http_proxy", 0),
)
"""What both ends of a gRPC connection on this machine agree on."""
