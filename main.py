"""Start the viewer: ``python main.py [FILE ...]``; ``python main.py --help`` lists the options."""

if __name__ == "__main__":
    from viewer.app import main  # here, because the engine process imports this file again

    raise SystemExit(main())
