using ScottPlot;

namespace MnistCnn.Reporting;

/// <summary>
/// The font of the plot, which comes along with the program: a machine without a desktop often has none at all, and a plot
/// without letters says little.
/// </summary>
internal static class PlotFont
{
    public const string Name = "DejaVu Sans";

    private static readonly Lock s_lock = new();
    private static bool s_registered;

    public static void Register()
    {
        lock (s_lock)
        {
            if (s_registered)
                return;
            ScottPlot.Fonts.AddFontFile(Name, Path.Combine(AppContext.BaseDirectory, "DejaVuSans.ttf"));
            s_registered = true;
        }
    }
}
