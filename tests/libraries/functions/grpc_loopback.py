from concurrent.futures import ThreadPoolExecutor

import grpc


def feed(request, context):
    return request[::-1]


server = grpc.server(ThreadPoolExecutor(1))
handlers = {"Feed": grpc.unary_unary_rpc_method_handler(feed)}
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Pets", handlers),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()


def handler(event, context):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        return channel.unary_unary("/Pets/Feed")(b"xeR").decode()
