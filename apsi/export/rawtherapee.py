"""Processing profiles of RawTherapee, which look colours up in a HaldCLUT."""

from pathlib import Path

from apsi.export.base import file_in
from apsi.export.colours import ColourEdit, ColourExport
from apsi.export.hald import write_hald
from apsi.photo.write import write_text


class RawTherapee(ColourExport):
    """A `.pp3` with Film Simulation and nothing else, and its HaldCLUT."""

    def __init__(self, whole_path: bool) -> None:
        """Takes the settings.

        Args:
            whole_path: name the HaldCLUT with its folder; else RawTherapee looks for it in its own folder of HaldCLUTs.
        """
        self.whole_path = whole_path

    def write_colours(self, edit: ColourEdit, folder: Path, name: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        hald, exact = write_hald(edit, folder, name)
        profile = file_in(folder, name, "rawtherapee.pp3")
        clut = _escaped(str(hald.absolute()) if self.whole_path else hald.name)
        lines = [f"# {line}" for line in (*edit.about, exact)]
        lines += ["", "[Version]", "AppVersion=5.9", "Version=349"]
        lines += ["", "[Film Simulation]", "Enabled=true", f"ClutFilename={clut}", "Strength=100", ""]
        write_text(profile, "\n".join(lines))
        return (profile, hald), (exact,)


def _escaped(text: str) -> str:
    """As GLib's key files have it."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
