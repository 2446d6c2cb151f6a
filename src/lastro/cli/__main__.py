from lastro.cli import main

main()
