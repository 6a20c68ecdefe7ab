"""apsi's command line: `python run.py --help`."""

import hydra
from omegaconf import DictConfig

from apsi.config import schema
from apsi.main import command_line, run

schema.register()


@hydra.main(config_path="conf", config_name="config", execution_whitelist=["apsi.*", "hydra.*", "hydra_plugins.*"])
def main(config: DictConfig) -> object:
    return run(config)


if __name__ == "__main__":
    with command_line():
        main()
