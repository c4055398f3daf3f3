"""Many runs as one piece of work: jobs, the workers that do them, and nothing of what the runs are for.

A planner says which runs it wants, as jobs; a worker does each as an ordinary run and reports what came of it. Runs are
shared by hash: what is finished is only read, and what another process is at work on is waited for. So a planner need
not know who else plans, and may be cut at any moment. A sweep over methods and seeds is no more than this:

    def wanted(sweep: Sweep) -> Iterator[Job]:
        for method, seed in itertools.product(sweep.methods, sweep.seeds):
            settings = config.load(assignments=[*sweep.assignments, f"pruning.method={method}", f"seed={seed}"])
            key = f"{method} seed {seed}"
            yield Job(key, name=key, settings=settings, runs=sweep.runs, command=sweep.command)

    with workers.local(4) as execute:  # or workers.here(), workers.cluster(address)
        for job, report in execute(wanted(sweep)):
            table.add(job.key, report)

A worker takes the next job when it is free for it, so a planner may decide on its later jobs by the earlier reports.
"""
