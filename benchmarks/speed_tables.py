"""What is measured in seconds and megabytes: commands and tables as in `figure_tables.py`. Wants an idle machine."""

from collections.abc import Callable, Mapping, Sequence

from figure import Figure, Run, Table


def told(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Callable[..., dict[str, Table]]:
    """One table, `times`, of texts in which braces hold the name of a run and of what it printed."""

    def tables(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
        found = {name: run.result for name, run in runs.items()}
        cells = [[text.format_map(found) for text in row] for row in rows]
        return {"times": {"columns": dict.fromkeys(columns, ""), "rows": cells}}

    return tables


def median(key: str) -> Sequence[str]:
    """Cells of milliseconds: the median and the slowest."""
    return f"{{run[{key}][0]:.0f}} ms", f"{{run[{key}][1]:.0f}} ms"


def edited(run: str) -> Sequence[str]:
    """Cells of `full_size.py`."""
    seconds = f"{{{run}[edit][seconds]:.1f}} s", f"{{{run}[copy][seconds]:.1f}} s"
    return *seconds, f"{{{run}[edit][peak_rss_mb]:,.0f}} MB"


def prepared(count: int) -> Sequence[str]:
    """A row of `preprocess_memory.py`."""
    cells = [f"{{run[sizes][{count} photos][{key}]" for key in ("seconds", *(f"steps][{step}" for step in STEPS))]
    return f"{count:,}", *(f"{cell}:.1f}} s" for cell in cells), f"{{run[sizes][{count} photos][peak_rss_mb]:.0f}} MB"


def looked(what: str) -> Sequence[str]:
    """Cells of `analyse.py`: processor time of few photos and of many, and the peak of memory."""
    seconds = [f"{{{run}[{what}_cpu_seconds]:,.1f}} s" for run in ("few", "many")]
    return *seconds, f"{{many[{what}_peak_mb]:,.0f}} MB"


STEPS = ("resize", "split", "annotate", "fit_juror", "score", "degrade")
COLOURS = "smooth colours with a sensor's noise"
NETWORK = "--backbone mobilenet_v2 --photos {bsds}"
AT_ONE = "[ratio_to_juror_at_one]:.2f} times the juror with one photo a pass on one thread"
SPEED = {
    "speed": Figure(
        "How much of the juror's speed is left",
        told(
            ["what", "a second", "of the juror alone at its best", "more"],
            [
                [
                    "random actions, `naturalness` at 128 × 128",
                    "{rollout[env_steps_per_second]:.0f} steps",
                    "{rollout[ratio_to_juror]:.2f}",
                    "{rollout[ratio_to_dummy_vec_env]:.2f} times DummyVecEnv, {rollout[ratio_to_subproc_vec_env]:.2f} "
                    "times SubprocVecEnv with {rollout[subproc_processes]} processes",
                ],
                *(
                    [
                        f"random actions, MobileNetV2, {threads} thread{'s' * (threads > 1)}",
                        f"{{juror {threads}[env_steps_per_second]:.0f}} steps",
                        f"{{juror {threads}[ratio_to_juror]:.2f}}",
                        f"{{juror {threads}{AT_ONE}",
                    ]
                    for threads in (1, 2)
                ),
                [
                    "training of PPO with `nature_cnn`, MobileNetV2, 1 thread",
                    "{training[steps_per_second]:.0f} steps",
                    "{training[ratio_to_juror]:.2f}",
                    f"{{training{AT_ONE}",
                ],
                [
                    "a pool of one worker, MobileNetV2 as ONNX",
                    "{pool[one_worker_photos_per_second]:.0f} photos",
                    "{pool[one_worker_to_inline]:.2f} at one thread",
                    "{pool[bytes_copied_per_photo]:,} bytes a photo are copied, {pool[pipe_bytes_per_photo]:.0f} go "
                    "through a pipe",
                ],
                [
                    "a pool of two workers, the same",
                    "{pool[two_workers_photos_per_second]:.0f} photos",
                    "{pool[two_workers_to_best_inline]:.2f}",
                    "{pool[two_workers_to_queue]:.2f} times a multiprocessing queue with one photo a message",
                ],
                [
                    "the same over HTTP, {serve[clients]} clients with one photo a request",
                    "{serve[served_photos_per_second]:.0f} photos",
                    "{serve[ratio_to_juror]:.2f}",
                    "{serve[photos]:,} photos, {serve[lost]} lost, {serve[wrong]} wrong",
                ],
                [
                    "a pool of two workers, of which one is killed every second",
                    *("", ""),
                    "{faults[photos]:,} photos, {faults[killed]} kills, {faults[lost]} scores lost, "
                    "{faults[wrong]} wrong",
                ],
            ],
        ),
        {
            "rollout": "benchmarks/rollout.py --train-steps 0",
            "juror 1": f"benchmarks/juror_rollout.py {NETWORK} --threads 1",
            "juror 2": f"benchmarks/juror_rollout.py {NETWORK} --threads 2",
            "training": f"benchmarks/training.py {NETWORK} --threads 1",
            "pool": "benchmarks/pool.py --model {model}",
            "serve": "benchmarks/serve.py --model {model}",
            "faults": "benchmarks/pool_faults.py",
        },
    ),
    "speed_full_size": Figure(
        "Photos at full size",
        told(
            ["file", "read, edited, written", "read and written alone", "peak of memory"],
            [
                ["JPEG, 24 megapixels", *edited("jpeg")],
                ["PNG, 24 megapixels", *edited("png")],
                ["TIFF of 16 bits, 24 megapixels", *edited("tiff")],
                ["JPEG, 100 megapixels", *edited("large")],
            ],
        ),
        {
            "jpeg": "benchmarks/full_size.py",
            "png": "benchmarks/full_size.py --suffix .png",
            "tiff": "benchmarks/full_size.py --suffix .tif --bits 16",
            "large": "benchmarks/full_size.py --megapixels 100",
        },
        made=(COLOURS, 4),
    ),
    "speed_studio": Figure(
        "How soon the studio answers",
        told(
            ["what", "median", "slowest of 20"],
            [
                ["preview after the first of seven steps has changed", *median("preview, first step, ms")],
                [
                    "preview after the last has changed: what comes before it is kept",
                    *median("preview, last step, ms"),
                ],
                ["score and reasons", *median("said, first step, ms")],
                ["sent, read, decided and edited small, once", "{run[sent and decided, s]:.1f} s", ""],
                ["edited at full size and fetched, once", "{run[edited at full size and fetched, s]:.1f} s", ""],
            ],
        ),
        {"run": "benchmarks/studio.py"},
        made=(f"24 megapixels, {COLOURS}", 1),
    ),
    "speed_annotate": Figure(
        "How soon the next pair is there",
        told(
            ["what", "median", "slowest of 50", "aimed at"],
            [
                [
                    "{run[pairs]:,} pairs read and put in order, once",
                    "{run[read and put in order, s of the processor]:.1f} s of the processor",
                    *("", "2 s"),
                ],
                ["an answer is on the disk", *median("answer kept, ms"), "100 ms"],
                ["a picture that was made ahead is there", *median("picture that was made, ms"), "100 ms"],
            ],
        ),
        {"run": "benchmarks/annotate.py"},
        made=(f"12 megapixels, {COLOURS}", 1),
    ),
    "speed_browse": Figure(
        "How soon 100,000 photos are looked through",
        told(
            ["what", "median", "slowest", "aimed at"],
            [
                [
                    "the file of {run[file, MB]:.0f} MB read by Python's own `json`, once",
                    "{run[json.loads of it, s of the processor]:.2f} s of the processor",
                    *("", ""),
                ],
                ["index, once", "{run[index, s of the processor]:.1f} s of the processor", "", "5 s"],
                ["the same in the server", "{run[index, s with the server at work]:.1f} s by the clock", "", ""],
                ["filter and sort, 48 requests", *median("filter and sort, ms"), "100 ms"],
                ["counts and histograms, 9 requests", *median("counts and histograms, ms"), ""],
                [
                    "first photos of a server that was started just now and has its index",
                    "{run[first window, s of the processor]:.1f} s of the processor",
                    *("", "1 s"),
                ],
                ["the same", "{run[first window, s]:.1f} s by the clock", "", "1 s"],
                ["a small picture that was not made yet", "{run[small picture, each of 60 ms]:.0f} ms", "", ""],
                ["memory of the server after all that", "{run[memory, MB]:.0f} MB", "", "500 MB"],
            ],
        ),
        {"run": "benchmarks/browse.py"},
        made=("an annotation file with made figures", 100_000),
    ),
    "speed_preparing": Figure(
        "How long preparing takes, and its memory",
        told(
            ["photos", "all steps", *(f"`{step}`" for step in STEPS), "peak of memory"],
            [prepared(count) for count in (60, 500, 5000)],
        ),
        {"run": "benchmarks/preprocess_memory.py --sizes 60 500 5000"},
        made=("smooth noise, 64 x 64", 5_560),
    ),
    "speed_analyse": Figure(
        "What the scoring report and `task=analyse` cost",
        told(
            ["processor time", "500 photos", "5,000 photos", "peak of memory, 5,000"],
            [
                ["preparing", *looked("prepare")],
                ["the scoring report", *looked("report")],
                ["`task=analyse` of what is prepared", *looked("analyse")],
            ],
        ),
        {"few": "benchmarks/analyse.py {bsds} --count 500", "many": "benchmarks/analyse.py {bsds} --count 5000"},
    ),
    "speed_monitoring": Figure(
        "What being read by Prometheus costs",
        told(
            ["what", "figure"],
            [
                ["a reading", "{run[cpu_ms_a_reading]:.1f} ms of the processor, {run[bytes_a_reading]:,} bytes"],
                [
                    "counting a step of all environments",
                    "{run[cpu_us_of_counting_a_step_of_all_environments]:.1f} µs",
                ],
                [
                    "processor time of a training of {run[steps]:,} steps that is read every second",
                    "{run[ratio]:.2f} times that of one that is not, {run[readings]} readings",
                ],
            ],
        ),
        {"run": "benchmarks/monitoring.py"},
    ),
    "speed_tracking": Figure(
        "What recording in MLflow costs",
        told(
            ["what", "share of the processor time of training"],
            [
                ["while training, {run[steps]:,} steps", "{run[share_while_training]:.1%}"],
                ["with start, end and packing the model, the same run", "{run[share_of_this_run]:.1%}"],
                ["the same, a run of the default length, reckoned from this one", "{run[share_of_a_whole_run]:.1%}"],
            ],
        ),
        {"run": "benchmarks/tracking.py"},
    ),
    "speed_fine_tuning": Figure(
        "What a step of fine-tuning ResNet-18 costs",
        told(
            ["numbers", "seconds of the processor a step", "memory beyond the network's", "times float32"],
            [
                [
                    title,
                    f"{{run[found][{name}][seconds]:.1f}} s",
                    f"{{run[found][{name}][megabytes]:,.0f}} MB",
                    f"{{run[ratios][{name}][seconds]:.1f}}",
                ]
                for title, name in (
                    ("float32", "float32"),
                    ("float32, as four batches", "accumulated"),
                    ("bfloat16", "bfloat16"),
                )
            ],
        ),
        {"run": "benchmarks/fine_tuning.py --batch 128 --steps 2 --variants float32,accumulated,bfloat16"},
        made=("noise, 64 x 64", 128),
    ),
}
"""By name, in the order of the pages"""
