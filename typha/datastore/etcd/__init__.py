"""The etcdv3 datastore: Calico's keys in etcd, listed and watched over gRPC.

Only `client` imports grpc, and only the watcher process imports `client`.
"""
