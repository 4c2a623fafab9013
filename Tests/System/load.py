"""load.py ADDRESS PORT STOP: makes requests until the file STOP is there, each on a connection of its own.

Prints what it has done, and ends with 1 where a request failed or fewer than 20 were made."""
import http.client
import os
import sys

address, port, stop = sys.argv[1], int(sys.argv[2]), sys.argv[3]
done = failed = 0


def request(connection):
    """Whether a request on a connection is answered with 200."""
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
    except (OSError, http.client.HTTPException) as error:
        print(repr(error), flush=True)
        return False


print("begun", flush=True)
while not os.path.exists(stop) or done < 20:
    connection = http.client.HTTPConnection(address, port, timeout=60)
    failed += not request(connection)
    connection.close()
    done += 1
print(f"{done} requests, {failed} failed")
sys.exit(failed > 0)
