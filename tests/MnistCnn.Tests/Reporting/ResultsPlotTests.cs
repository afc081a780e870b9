using MnistCnn.Reporting;
using MnistCnn.Tests.TestKit;
using MnistCnn.Training;
using SkiaSharp;

namespace MnistCnn.Tests.Reporting;

public sealed class ResultsPlotTests
{
    private static readonly EpochResult[] Epochs = [new(1, 240, 0.81, 0.81, 0.49, 7), new(2, 480, 0.89, 0.89, 0.53, 7), new(3, 720, 0.91, 0.91, 0.56, 7)];

    [Fact]
    public void Text_is_drawn_in_the_bundled_font()
    {
        // Were the font missing, two titles would look the same: nothing, or boxes.
        Draw("iiii", Epochs).Should().NotEqual(Draw("WWWW", Epochs));
        Draw("abcd", Epochs).Should().NotEqual(Draw("dcba", Epochs));
    }

    [Fact]
    public void The_plot_has_a_readable_size()
    {
        using var bitmap = SKBitmap.Decode(Draw("title", Epochs));
        bitmap.Width.Should().Be(960);
        bitmap.Height.Should().Be(600);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100)]
    public void Any_number_of_epochs_can_be_drawn(int epochs) =>
        Draw("title", [.. Enumerable.Range(1, epochs).Select(i => new EpochResult(i, 240L * i, 0.9, 0.92, 0.01 * i, 7))]).Should().NotBeEmpty();

    [Fact]
    public void No_epsilon_and_no_accuracy_can_be_drawn() =>
        Draw("title", [new(0.01, 2, 0, 1, null, 0.1), new(0.02, 4, 1, 0, null, 0.1)]).Should().NotBeEmpty();

    [Fact]
    public void A_low_first_point_of_either_accuracy_is_in_the_picture()
    {
        using var bitmap = SKBitmap.Decode(Draw("title", [new(1, 240, 0.9, 0.5, 0.49, 7), new(2, 480, 0.9, 0.9, 0.53, 7), new(3, 720, 0.9, 0.9, 0.56, 7)]));
        // The averaged weights' colour in the left half, where no legend is: down to the first point, and not to the axis at the bottom.
        var rows = Enumerable.Range(0, bitmap.Height).Where(y =>
            Enumerable.Range(0, bitmap.Width / 2).Any(x => bitmap.GetPixel(x, y) == SKColor.Parse("#6aa5dd"))).ToList();
        rows.Max().Should().BeLessThan(530);
    }

    private static byte[] Draw(string title, IReadOnlyList<EpochResult> epochs)
    {
        using var folder = new TemporaryFolder();
        ResultsPlot.Write(folder["plot.png"], title, epochs, 1e-5);
        return File.ReadAllBytes(folder["plot.png"]);
    }
}
