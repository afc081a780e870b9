using System.Xml.Linq;
using DpSgd.Accounting;
using DpSgd.Cli.Tests.TestKit;

namespace DpSgd.Cli.Tests.Commands;

public sealed class PlotCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("--batch-size 250 --noise-multiplier 0.9 1.3 --epochs 15", "steps")]
    [InlineData("--against noise --batch-size 250 1000 --steps 100", "noise multiplier")]
    [InlineData("--against batch-size --noise-multiplier 1.3 --epochs 1 3", "batch size")]
    public void Draws_a_png_and_an_svg(string options, string axis)
    {
        var (png, svg) = (_folder["one.png"], _folder["two.SVG"]);
        var (code, output, error) = Dpsgd.InProcess($"plot --examples 60000 --delta 1e-5 {options} --output {png} {svg} --width 800 --height 400");
        error.Should().BeEmpty();
        code.Should().Be(0);
        output.Should().StartWith($"{png}, {svg}: 2 lines of ");

        var header = File.ReadAllBytes(png)[..24];
        header.Should().StartWith(new byte[] { 0x89, (byte)'P', (byte)'N', (byte)'G' });
        System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(16)).Should().Be(800);
        System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(20)).Should().Be(400);

        var drawing = XDocument.Load(svg).Root!;
        drawing.Attribute("width")!.Value.Should().Be("800");
        Texts(drawing).Should().Contain([axis, "epsilon", $"Epsilon of DP-SGD against {axis}"]);
        drawing.Descendants().Where(e => e.Attribute("stroke")?.Value == "#1F5FA8").Should().NotBeEmpty("the first line is blue");
    }

    [Fact]
    public void Points_are_those_of_epsilon()
    {
        var json = Dpsgd.InProcess(
            $"plot --examples 60000 --delta 1e-5 --batch-size 250 --noise-multiplier 1.3 --epochs 3 --accountant rdp pld --json --output {_folder["p.svg"]}").Json;
        var series = json.GetProperty("series");
        series.GetArrayLength().Should().Be(2);
        series[0].GetProperty("label").GetString().Should().Be("RDP");
        var (x, epsilon) = (series[0].GetProperty("x"), series[0].GetProperty("epsilon"));
        x[0].GetDouble().Should().Be(1);
        x[x.GetArrayLength() - 1].GetDouble().Should().Be(720);
        epsilon[x.GetArrayLength() - 1].GetDouble().Should().BeApproximately(0.5631726490328062, 1e-14);
        Enumerable.Range(0, x.GetArrayLength() - 1).Should().OnlyContain(i => epsilon[i].GetDouble() <= epsilon[i + 1].GetDouble());
    }

    [Fact]
    public void What_lines_share_is_under_the_title_and_what_differs_in_the_legend()
    {
        var file = _folder["p.svg"];
        Dpsgd.InProcess(
            $"plot --examples 60000 --delta 1e-5 --batch-size 250 1000 --noise-multiplier 1.3 --steps 100 --sampling poisson undeclared --output {file}").Code.Should().Be(0);
        Texts(XDocument.Load(file).Root!).Should()
            .Contain("60,000 examples, noise multiplier 1.3, delta 1e-05, RDP").And
            .Contain("batches of 1,000, Poisson samples").And
            .Contain("batches of 250, nothing known: each example in every batch");
    }

    [Fact]
    public void The_ends_of_the_axis_are_as_asked()
    {
        var series = Dpsgd.InProcess(
            $"plot --against noise --from 2 --to 3 --examples 60000 --delta 1e-5 --batch-size 250 --epochs 3 --json --output {_folder["p.svg"]}").Json.GetProperty("series")[0];
        var x = series.GetProperty("x").EnumerateArray().Select(e => e.GetDouble()).ToList();
        (x[0], x[^1]).Should().Be((2, 3));
        series.GetProperty("epsilon")[0].GetDouble().Should().Be(DpSgdPrivacy.Compute(60_000, 250, 2, 3, 1e-5).Epsilon);
    }

    [Fact]
    public void A_line_that_is_nowhere_finite_is_left_out_but_not_a_picture_without_any()
    {
        var some = Dpsgd.InProcess($"plot --examples 60000 --delta 1e-5 --batch-size 250 --noise-multiplier 0 1.3 --epochs 3 --json --output {_folder["some.svg"]}");
        some.Code.Should().Be(0);
        some.Json.GetProperty("series")[0].GetProperty("epsilon")[0].GetString().Should().Be("Infinity");

        var none = Dpsgd.InProcess($"plot --examples 60000 --delta 1e-5 --batch-size 250 --noise-multiplier 0 --epochs 3 --output {_folder["none.svg"]}");
        none.Should().Be(new Outcome(1, "", "dpsgd plot: there is nothing to draw: every epsilon is infinite.\n"));
        File.Exists(_folder["none.svg"]).Should().BeFalse();
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_named()
    {
        var file = System.IO.Path.Combine(_folder["nowhere"], "p.png");
        var (code, _, error) = Dpsgd.InProcess($"plot --examples 60000 --delta 1e-5 --batch-size 250 --noise-multiplier 1.3 --epochs 3 --output {file}");
        code.Should().Be(1);
        error.Should().StartWith($"dpsgd plot: --output '{file}' cannot be written: ").And.NotContain("   at ");
    }

    [Fact]
    public void A_line_of_one_point_is_a_dot()
    {
        var (one, two) = (_folder["one.svg"], _folder["two.svg"]);
        foreach (var (steps, file) in new[] { (1, one), (2, two) })
            Dpsgd.InProcess($"plot --examples 60000 --delta 1e-5 --batch-size 250 --noise-multiplier 1.3 --steps {steps} --output {file}").Code.Should().Be(0);
        Blue(one, "fill").Should().NotBeEmpty();
        Blue(two, "fill").Should().BeEmpty();
        Blue(two, "stroke").Should().NotBeEmpty();

        IEnumerable<XElement> Blue(string file, string attribute) =>
            XDocument.Load(file).Root!.Descendants().Where(e => e.Attribute(attribute)?.Value == "#1F5FA8");
    }

    [Theory]
    [InlineData("--batch-size 250 --noise-multiplier 1.3", "--epochs or --steps is missing.")]
    [InlineData("--batch-size 250 --epochs 3", "--noise-multiplier is missing.")]
    [InlineData("--noise-multiplier 1.3 --epochs 3", "--batch-size is missing.")]
    [InlineData("--batch-size 250 --noise-multiplier 1.3 --epochs 3 4", "Leave all but one value out.")]
    [InlineData("--batch-size 250 --noise-multiplier 1.3 --epochs 3 --to 9", "--from and --to mean nothing with --against steps")]
    [InlineData("--against noise --batch-size 250 --noise-multiplier 1.3 --epochs 3", "--noise-multiplier is what --against shows.")]
    [InlineData("--against noise --batch-size 250 --epochs 3 --steps 3", "--epochs and --steps say the same thing.")]
    [InlineData("--against noise --batch-size 250 --epochs 3 --from 5", "--from must be below --to, but it is 5 and --to is 4.")]
    [InlineData("--against batch-size --noise-multiplier 1 --epochs 3 --to 60001", "--from and --to must be from 1 to 60000, for batches")]
    [InlineData("--against epochs --noise-multiplier 1 --epochs 3", "--against must be steps, noise or batch-size, but it is 'epochs'.")]
    [InlineData("--batch-size 250 60001 --noise-multiplier 1.3 --epochs 3", "--batch-size must be at most --examples, which is 60000, but it is 60001.")]
    [InlineData("--batch-size 250 --noise-multiplier 1.3 x --epochs 3", "--noise-multiplier must be at least 0 and finite, but it is 'x'.")]
    [InlineData("--batch-size 250 --noise-multiplier 1 2 3 4 5 6 7 8 9 --epochs 3", "at most 8 runs, each in at most 4 ways")]
    [InlineData("--batch-size 250 --noise-multiplier 1 --epochs 3 --output p.gif", "--output must end in .png or .svg, but it is 'p.gif'.")]
    public void Wrong_usage_is_refused_and_nothing_is_written(string options, string message)
    {
        var output = options.Contains("--output", StringComparison.Ordinal) ? "" : $"--output {_folder["p.png"]}";
        var (code, text, error) = Dpsgd.InProcess($"plot --examples 60000 --delta 1e-5 {options} {output}");
        code.Should().Be(2);
        text.Should().BeEmpty();
        error.Should().StartWith("dpsgd plot: ").And.Contain(message);
        error.Count(c => c == '\n').Should().Be(1);
        _folder.Files.Should().BeEmpty();
    }

    private static IEnumerable<string> Texts(XElement drawing) => drawing.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value.Trim());
}
