using ScottPlot;

namespace DpSgd.Cli.Plotting;

/// <summary>
/// The font of the plot, which comes along with the program: a machine without a desktop often has none at all, and a plot
/// without letters says little.
/// </summary>
internal static class PlotFont
{
    public const string Name = "DejaVu Sans";

    private static readonly Lock Lock = new();
    private static bool _registered;

    public static void Register()
    {
        lock (Lock)
        {
            if (_registered)
                return;
            Fonts.AddFontFile(Name, Path.Combine(AppContext.BaseDirectory, "DejaVuSans.ttf"));
            _registered = true;
        }
    }
}
