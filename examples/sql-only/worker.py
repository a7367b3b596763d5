"""A worker in Python, speaking through psql:  DATABASE_URL=... python3 worker.py
Claims up to ten jobs at a time, holds them while they run, and says how each went. SIGTERM hands the unstarted ones back.
"""

import json, os, signal, socket, subprocess, sys, threading, time, uuid

SCHEMA = os.environ.get("MILLRACE_SCHEMA", "millrace")
WORKER = f"python-{socket.gethostname()}-{uuid.uuid4()}"
LEASE = os.environ.get("LEASE", "30 seconds")
stopping = threading.Event()


def sql(text, **values):
    """Runs one statement that answers JSON; values go in as psql variables, never as a part of the statement."""
    variables = [f"--set={name}={value}" for name, value in {"schema": SCHEMA, **values}.items()]
    command = ["psql", os.environ["DATABASE_URL"], "-XqtA", "--set=ON_ERROR_STOP=1", *variables]
    for pause in (1, 5, 0):
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)
        if done.returncode != 2:  # 2: the connection was lost. Every call may be repeated.
            break
        time.sleep(pause)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def greet(payload):
    return {"text": f"Hello, {payload['name']}"}


def fail(payload):
    raise ValueError(payload.get("message", "this one always fails"))


HANDLERS = {"greet": greet, "fail": fail}  # Replace with yours.


def hold(held):
    while not stopping.wait(10):
        for job in list(held.values()):
            ids = {"id": job["job_id"], "token": job["token"], "lease": LEASE}
            try:
                sql("""select to_json(h) from :"schema".heartbeat_job(:id, :token, :'lease') h""", **ids)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(error, file=sys.stderr)


def settle(job, call, **values):
    ids = {"id": job["job_id"], "token": job["token"]}
    if sql(f"""select to_json(:"schema".{call})""", **ids, **values) != [True]:
        print(f"job {job['job_id']}: the claim was lost", file=sys.stderr)


def run(job):
    try:
        output = HANDLERS[job["job_type"]](job["payload"])
    except Exception as error:
        settle(job, "fail_job(:id, :token, :'message')", message=f"{type(error).__name__}: {error}")
    else:
        settle(job, "complete_job(:id, :token, :'output'::jsonb)", output=json.dumps(output))


def main():
    held = {}
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopping.set())
    threading.Thread(target=hold, args=(held,), daemon=True).start()
    claim = """select to_json(j) from :"schema".get_jobs(:'worker', string_to_array(:'types', ','), 10, :'lease') j"""
    while not stopping.is_set():
        jobs = sql(claim, worker=WORKER, types=",".join(HANDLERS), lease=LEASE)
        held.update({job["job_id"]: job for job in jobs})
        for job in jobs:
            settle(job, "release_job(:id, :token)") if stopping.is_set() else run(job)
            del held[job["job_id"]]
        if not jobs:
            stopping.wait(float(os.environ.get("POLL_SECONDS", "1")))


main()
