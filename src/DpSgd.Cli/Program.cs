return DpSgd.Cli.CommandLine.Invoke(args);
