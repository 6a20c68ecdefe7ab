"""What MLflow runs to load a recorded agent; it lies beside the checkpoint in the model's folder."""

from mlflow.models import set_model

from apsi.tracking.model import PhotoEditor

set_model(PhotoEditor())
