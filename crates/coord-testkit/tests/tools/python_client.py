"""Uses redis-py as a program would, against servers that are already there.

Usage: python_client.py STANDALONE_PORT CLUSTER_PORT SENTINEL_PORT MASTER_NAME

Says "missing" if redis-py is not installed, "fine" if all went well.
"""

import sys

try:
    import redis
    import redis.cluster
    import redis.sentinel
except ImportError:
    print("missing")
    sys.exit(0)


def standalone(port, protocol):
    client = redis.Redis(port=port, protocol=protocol, decode_responses=True)
    client.flushall()
    assert client.set("text", "1") and client.incr("text") == 2
    with client.pipeline(transaction=True) as pipeline:
        replies = pipeline.rpush("list", 1, 2, 3).lrange("list", 0, -1).execute()
    assert replies == [3, ["1", "2", "3"]], replies
    client.hset("hash", mapping={"a": 1, "b": 2})
    assert client.hgetall("hash") == {"a": "1", "b": "2"}
    client.zadd("sorted", {"a": 1, "b": 2.5})
    scored = client.zrange("sorted", 0, -1, withscores=True)
    assert [tuple(pair) for pair in scored] == [("a", 1.0), ("b", 2.5)], scored
    entry = client.xadd("stream", {"field": "value"})
    client.xgroup_create("stream", "group", id="0")
    read = client.xreadgroup("group", "me", {"stream": ">"})
    assert entry in str(read) and client.xpending("stream", "group")["pending"] == 1
    script = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert script(keys=["number"], args=[5]) == 5
    heard = client.pubsub()
    heard.subscribe("channel")
    assert heard.get_message(timeout=5)["type"] == "subscribe"
    assert client.publish("channel", "hello") == 1
    assert heard.get_message(timeout=5)["data"] == "hello"
    heard.close()
    with client.lock("lock", timeout=5):
        assert client.exists("lock") == 1
    assert client.transaction(lambda pipe: (pipe.multi(), pipe.incr("text")), "text") == [3]
    assert client.info()["redis_version"].startswith("7.0.")
    assert set(client.scan_iter("*")) >= {"text", "list", "hash"}
    assert client.blpop("list", 1) is not None and len(client.command()) > 200
    payload = redis.Redis(port=port, protocol=protocol).dump("sorted")
    client.restore("copy", 0, payload)
    assert client.zscore("copy", "b") == 2.5


def cluster(port):
    client = redis.cluster.RedisCluster(host="127.0.0.1", port=port, decode_responses=True)
    for number in range(50):
        client.set("key%d" % number, number)
    assert sum(int(client.get("key%d" % number)) for number in range(50)) == 1225
    assert client.eval("return redis.call('GET', KEYS[1])", 1, "key7") == "7"
    client.close()


def sentinel(port, name):
    watched = redis.sentinel.Sentinel([("127.0.0.1", port)])
    master = watched.master_for(name, decode_responses=True)
    assert master.set("a", 1) and master.get("a") == "1"


standalone(int(sys.argv[1]), 2)
standalone(int(sys.argv[1]), 3)
cluster(int(sys.argv[2]))
sentinel(int(sys.argv[3]), sys.argv[4])
print("fine")
