using System.CommandLine;

namespace DpSgd.Cli.Options;

/// <summary>How a command answers.</summary>
internal static class Output
{
    public static readonly Option<bool> Json = new("--json") { Description = "Answer in JSON. Infinite numbers are the text \"Infinity\"." };
}
