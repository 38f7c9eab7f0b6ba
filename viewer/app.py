"""Starts the viewer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from viewer.arguments import Options, parse
from viewer.look import icons, theme, tokens
from viewer.saving.paths import user_folder
from viewer.saving.preferences import PreferenceStore
from viewer.services.collector import Collector
from viewer.state.preferences import Preferences
from viewer.text.tr import choose_language, language, tr
from viewer.window.startup import begin

# How long a Python thread that saves or reads goes on when the window wants to. A frame takes and
# releases Python's lock dozens of times: with Python's own 5 ms, one took .8 s beside the saving of
# 100,000 regions, and with this .06 s.
SWITCH_S = 0.0001


def main(argv: Sequence[str] | None = None) -> int:
    """Run the viewer; returns its exit status."""
    preferences = PreferenceStore(user_folder())
    choose_language(preferences.now.language, QLocale.system().uiLanguages())
    options = parse(argv)
    has_display = not _has_no_display()
    if not has_display:
        if options.screenshot is None and not options.doctor:
            print(
                tr(
                    "No display found. Start the viewer on a desktop, or save an image of the "
                    "window with --screenshot FILE.png."
                ),
                file=sys.stderr,
            )
            return 2
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    tokens.choose(preferences.now.theme)
    app = create_application()
    translate_qt(app)
    try:
        if options.doctor:
            from viewer import doctor

            return doctor.run(app, has_display)
        return _run(app, options, preferences)
    finally:
        from viewer.tiles.source import close_all

        close_all()


def _has_no_display() -> bool:
    """Whether Qt would abort: Linux without X11, Wayland or an explicit Qt platform."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return sys.platform.startswith("linux") and not any(os.environ.get(n) for n in names)


def _run(app: QApplication, options: Options, preferences: PreferenceStore) -> int:
    engine = engine_factory(options.device, preferences)
    if options.screenshot is not None:
        from viewer.window.screenshot import take_screenshot

        return take_screenshot(app, engine, options)
    from viewer.window.main_window import MainWindow
    from viewer.window.window_memory import WindowMemory

    window = MainWindow(engine, preferences=preferences)
    window.workspace.messages.catch_everything()
    WindowMemory(window, user_folder() / "window.json")
    window.show()
    begin(window, options)
    return app.exec()


def create_application() -> QApplication:
    """The QApplication with our style and garbage collection on the GUI thread.

    An existing one is used unchanged.
    """
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    if sys.platform.startswith("linux"):
        os.environ.setdefault("LANG", "C.UTF-8")
    app = QApplication(sys.argv[:1])
    app.setApplicationName("ssmamba-viewer")
    app.setApplicationDisplayName("SSMamba Viewer")
    Collector(app)
    sys.setswitchinterval(SWITCH_S)
    theme.apply(app)
    app.setWindowIcon(icons.icon("slide", "accent"))
    return app


def translate_qt(app: QApplication) -> None:
    """Have Qt's own texts, such as those of buttons and file dialogs, in the window's language."""
    translator = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if translator.load(f"qtbase_{language()}", folder):
        app.installTranslator(translator)


def engine_factory(device: str, preferences: PreferenceStore | None = None) -> Callable:
    """Makes engine clients for the bridge, on a device or, for "auto", the preferred one."""

    def make(on_reply: Callable, on_died: Callable) -> object:
        from ssmamba.engine.process import EngineClient

        preferred = Preferences() if preferences is None else preferences.now
        asked = preferred.device if device == "auto" else device
        return EngineClient(on_reply, on_died, asked, threads=preferred.threads)

    return make
