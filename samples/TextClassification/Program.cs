return TextClassification.Sample.Invoke(args);
