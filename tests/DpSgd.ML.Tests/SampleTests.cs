using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using DpSgd.ML.Tests.TestKit;
using DpSgd.Tests.TestKit;
using MLNetTabular;

namespace DpSgd.ML.Tests;

public class SampleTests
{
    [Fact]
    public void The_sample_prints_a_confusion_matrix_and_epsilon()
    {
        var console = Console.Out;
        using var output = new StringWriter();
        Console.SetOut(output);
        try
        {
            typeof(Diamond).Assembly.EntryPoint!.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [Array.Empty<string>()], null);
        }
        finally
        {
            Console.SetOut(console);
        }
        var printed = output.ToString();
        printed.Should().Contain("Epoch 30 of 30").And.Contain("Confusion table").And.MatchRegex(@"Very Good \|\| +\d+ \|").And.Contain("epsilon = 1.000 at delta = 1E-06");
        var accuracy = double.Parse(Regex.Match(printed, @"test accuracy = (\d\.\d{3})").Groups[1].Value, CultureInfo.InvariantCulture);
        accuracy.Should().BeGreaterThan(0.62, "0.40 is the most frequent cut, 0.58 what ML.NET's linear model reaches without privacy");
    }

    [Fact]
    public void Its_data_are_the_file_that_its_note_describes()
    {
        using var file = File.OpenRead(Diamond.BundledFile);
        File.ReadAllText(Path.Combine(Repository.Root, "samples", "MLNetTabular", "data", "README.md"))
            .Should().Contain(Convert.ToHexStringLower(SHA256.HashData(file)));
        Diamond.Read(Diamond.BundledFile).Should().HaveCount(53_940)
            .And.OnlyContain(d => Diamond.Cuts.Contains(d.Cut) && Diamond.Colors.Contains(d.Color) && Diamond.Clarities.Contains(d.Clarity) && d.Price > 300 && d.Price < 19_000);
    }
}
