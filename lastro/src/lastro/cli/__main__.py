from lastro.cli.main import main

main()
