using System.Security.Cryptography;
using DpSgd.Tests.TestKit;
using TextClassification;
using TorchSharp;

namespace Samples.Tests;

/// <summary>The sample in a short form, and what it reads.</summary>
public class TextClassificationTests
{
    [Fact]
    public void It_learns_and_prints_its_guarantee()
    {
        var printed = Run("--epochs", "1", "--epsilon", "8");
        printed.Should().Contain("19836 texts to train with, 3756 to test with, 12 languages.")
            .And.Contain("epsilon 8.000")
            .And.Contain("iterated over 20 steps satisfies differential privacy with eps = 8 and delta = 1e-05.");
        SampleRun.Accuracy(printed).Should().BeGreaterThan(0.15, "a guess is right once in twelve times");
    }

    [Fact]
    public void Without_privacy_it_claims_nothing()
    {
        var printed = Run("--epochs", "1", "--no-privacy");
        printed.Should().Contain("there is no guarantee").And.NotContain("epsilon");
        SampleRun.Accuracy(printed).Should().BeGreaterThan(0.3);
    }

    [Fact]
    public void Its_data_are_the_file_that_its_note_describes()
    {
        using var file = File.OpenRead(SymbolTexts.BundledFile);
        File.ReadAllText(Path.Combine(Repository.Root, "samples", "TextClassification", "data", "README.md"))
            .Should().Contain(Convert.ToHexStringLower(SHA256.HashData(file)));
    }

    [Fact]
    public void All_texts_of_a_symbol_are_in_the_same_part()
    {
        var (train, test) = SymbolTexts.Read();
        (train.Count + test.Count).Should().Be(1966 * 12);
        train.Chunk(12).Concat(test.Chunk(12)).Should().OnlyContain(
            texts => texts.Select(text => text.Language).SequenceEqual(Enumerable.Range(0, 12).Select(language => (long)language)));
        var part = train.Any(text => text.Text.StartsWith("kvinde i smoking,")) ? train : test;
        part.Count(text => text == new LabelledText("kvinde i smoking, kvinde, smoking", 0)).Should().Be(1);
        part.Count(text => text == new LabelledText("smokinli kadın, kadın, smokin", 11)).Should().Be(1, "the symbol is the same");
    }

    [Fact]
    public void Tokens_are_bytes_cut_off_or_filled_up()
    {
        using var tokens = ByteTokens.Of(["aé", new string('z', 99)]);
        tokens.shape.Should().Equal(2, ByteTokens.Length);
        tokens.data<long>().Should().Equal([
            97, 0xC3, 0xA9, .. Enumerable.Repeat((long)ByteTokens.Padding, ByteTokens.Length - 3),
            .. Enumerable.Repeat(122L, ByteTokens.Length)]);
    }

    [Fact]
    public void Who_else_is_in_the_batch_does_not_matter()
    {
        using var scope = torch.NewDisposeScope();
        var model = new LanguageClassifier(12);
        var tokens = ByteTokens.Of(["kaksi", "a much longer text of many tokens", "dos"]);
        var together = model.call(tokens);
        for (var i = 0; i < 3; i++)
        {
            var alone = model.call(tokens.narrow(0, i, 1));
            (alone - together.narrow(0, i, 1)).abs().max().ToDouble().Should().BeLessThan(1e-5);
        }
    }

    private static string Run(params string[] arguments) => SampleRun.Run(TextClassification.Sample.Invoke, arguments);
}
